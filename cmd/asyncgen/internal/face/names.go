package face

import (
	"go/token"
	"go/types"
	"maps"
	"strconv"
	"unicode"
	"unicode/utf8"
)

// A nameSet is names that are in use. What is new gets another.
type nameSet map[string]bool

func (s nameSet) clone() nameSet { return maps.Clone(s) }

// fresh returns want, or want with a number, and takes it.
func (s nameSet) fresh(want string) string {
	name := want
	for i := 2; s[name] || token.IsKeyword(name); i++ {
		name = want + strconv.Itoa(i)
	}
	s[name] = true
	return name
}

func (s nameSet) add(names ...string) {
	for _, name := range names {
		s[name] = true
	}
}

// predeclared is every predeclared name.
func predeclared() nameSet {
	s := make(nameSet)
	s.add(types.Universe.Names()...)
	return s
}

// title is a name with its first letter in upper case. A name that has no such
// letter gets an R before it, so that it is exported all the same.
func title(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	if up := unicode.ToUpper(r); unicode.IsUpper(up) {
		return string(up) + name[n:]
	}
	return "R" + name
}

// upper is a name with its first letter in upper case where it has one, to stand
// behind another.
func upper(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToUpper(r)) + name[n:]
}

// lower is a name with its first letter in lower case.
func lower(name string) string {
	r, n := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[n:]
}

// names are those of the declarations for one type.
type names struct {
	face, newFace, result string // the interface, its constructor, its calls' value
	object                string // what the constructor returns
	newSync, newSyncFrom  string
	adapter               string // what these return
	factory, newFactory   string
	calls, newCalls       string
	callsGo               string // begins the calls of calls
	serveCalls            string // the client of an asynchronous server
	server, serve, served string // an asynchronous server, its call object, and the type of that
	fake, newFake         string
	remote, newRemote     string // the client for other processes
	remoteObject          string // its call object
	remoteCalls           string // the same client, with methods that return calls
	newRemoteCalls        string
	newRemoteObject       string
	newProxy, serveRemote string
	base                  string // of the names that have no prefix
}

// DefaultPrefix is what stands before the name of the face. Another one stands
// before all other names too, so that there may be two outputs for one type.
const DefaultPrefix = "Async"

// newNames derives names from that of the type. They are exported where that is. Where
// there is a type of the same name with From behind it, NewSyncReaderFrom is its
// adapter, and not the one from a factory.
func newNames(prefix, typeName string, from bool) *names {
	n := new(names)
	constructor := "New"
	if upper(typeName) != typeName {
		prefix, constructor = lower(prefix), "new"
	}
	n.face = prefix + upper(typeName)
	n.newFace = constructor + upper(n.face)
	n.result = n.face + "Result"
	n.object = lower(n.face) + "Object"
	n.base = typeName
	if upper(prefix) != DefaultPrefix {
		n.base = n.face
	}
	base := upper(n.base)
	n.newSync = constructor + "Sync" + base
	n.newSyncFrom = n.newSync + "From"
	if from {
		n.newSyncFrom += "Factory"
	}
	n.adapter = "sync" + base + "Adapter"
	n.factory = n.base + "Factory"
	n.newFactory = constructor + base + "Factory"
	n.calls = n.base + "Calls"
	n.newCalls = constructor + base + "Calls"
	n.callsGo = lower(n.calls) + "Go"
	n.server = n.face + "Server"
	n.serve, n.fake = "Serve"+n.face, "Fake"+base
	if constructor == "new" {
		n.serve, n.fake = "serve"+upper(n.face), "fake"+base
	}
	n.serveCalls = n.serve + "Calls"
	n.served = lower(n.face) + "Served"
	n.newFake = constructor + upper(n.fake)
	n.remote, n.serveRemote = "Remote"+base, "Serve"+base
	if constructor == "new" {
		n.remote, n.serveRemote = "remote"+base, "serve"+base
	}
	if n.serveRemote == n.serve { // with a prefix, which both have
		n.serveRemote = n.serve[:len("Serve")] + "Remote" + base
	}
	n.newRemote = constructor + upper(n.remote)
	n.remoteCalls, n.remoteObject = n.remote+"Calls", lower(n.remote)+"Object"
	n.newRemoteCalls = constructor + upper(n.remoteCalls)
	n.newRemoteObject = "new" + upper(n.remoteObject)
	n.newProxy = lower(n.remote) + "Proxy"
	return n
}
