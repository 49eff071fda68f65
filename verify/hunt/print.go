package hunt

import (
	"fmt"
	"go/format"
	"regexp"
	"strings"
	"time"
)

// Print prints a program as Go source: a file with one test, which uses nothing but
// package async, and explores the program's schedules. What it checks is that every
// result is handed out or discarded, once; the rest of the oracles are the explorer's
// (it hangs, it panics, goroutines are left) or stand in the comment.
func Print(p *Program, table Table, name, comment, replay string) string {
	pr := &printer{p: p, table: table, uses: make(map[string]bool)}
	var body strings.Builder
	for _, o := range p.Setup {
		body.WriteString(pr.op(o))
	}
	for _, thread := range p.Threads {
		body.WriteString("r.Go(func() {\n")
		for _, o := range thread {
			body.WriteString(pr.op(o))
		}
		body.WriteString("})\n")
	}
	var b strings.Builder
	b.WriteString(packageText)
	for line := range strings.SplitSeq(strings.TrimSpace(comment), "\n") {
		fmt.Fprintf(&b, "// %s\n", line)
	}
	options := "asynctest.ExploreOptions{Switches: 2}"
	if replay != "" {
		options = fmt.Sprintf("asynctest.ExploreOptions{Replay: %q}", replay)
	}
	fmt.Fprintf(&b, "func Test%s(t *testing.T) {\n\tasynctest.Explore(t, func(r *asynctest.Run) {\n", name)
	b.WriteString("\t\tk := &kit{run: r}\n")
	b.WriteString(pr.declarations(body.String()))
	b.WriteString(body.String())
	fmt.Fprintf(&b, "r.Go(k.close)\nr.Check(k.check)\n}, %s)\n}\n", options)
	if !strings.HasSuffix(name, "Short") {
		b.WriteString(kitText)
	}
	text, err := format.Source([]byte(pruneImports(b.String())))
	if err != nil {
		return fmt.Sprintf("// %v\n%s", err, b.String())
	}
	return string(text)
}

// A printer prints one program.
type printer struct {
	p     *Program
	table Table
	uses  map[string]bool
	made  map[Ref]bool
	in    int // functions around
}

// declarations declares the variables that the body sets or uses.
func (pr *printer) declarations(body string) string {
	types := [kinds]string{
		Call: "*async.Call[int]", Signal: "*async.Signal", Promise: "*async.Promise[int]", Event: "*async.Event",
		Set: "*async.Set[int]", Context: "*kitContext", Scope: "*async.Scope", Group: "*async.Group[int, int]",
		Lazy: "*async.Lazy[int]", List: "async.Calls[int]", Stop: "func() bool", Gate: "*kitGate", Stranger: "*kitStranger",
		Errgroup: "*errgroup.Group",
	}
	var b strings.Builder
	for k := range pr.p.Vars {
		for n := range pr.p.Vars[k] {
			name := Ref{Kind(k), n}.String()
			if !regexp.MustCompile(`\b` + name + `\b`).MatchString(body) {
				continue
			}
			fmt.Fprintf(&b, "var %s %s\n_ = %s\n", name, types[k], name)
		}
	}
	return b.String()
}

// op prints one operation.
func (pr *printer) op(o *Op) string {
	x := pr.table[o.Do]
	text := x.text
	replace := func(from string, to func() string) {
		if strings.Contains(text, from) {
			text = strings.ReplaceAll(text, from, to())
		}
	}
	replace("$b", func() string { return pr.body(x, o) })
	replace("$f", func() string { return pr.function(o) })
	replace("$o", func() string { return pr.options(x, o) })
	replace("$x", func() string { return pr.context(o.Ctx, o.Site) })
	replace("$h", o.On.String)
	replace("$t", o.To.String)
	replace("$u", o.To2.String)
	replace("$m", func() string { return pr.members(x, o) })
	replace("$d", func() string { return printDuration(o.D) })
	replace("$n", func() string { return fmt.Sprint(o.N) })
	replace("$s", func() string { return fmt.Sprint(o.Site) })
	if o.To.Kind == Call || o.To.Kind == Signal || o.To.Kind == List || o.To.Kind == Promise {
		text += fmt.Sprintf("\nk.keep(%v)", o.To)
	}
	if o.To2.is() {
		text += fmt.Sprintf("\nk.keep(%v)", o.To2)
	}
	if needs := pr.needs(o); len(needs) > 0 {
		return fmt.Sprintf("if %s {\n%s\n}\n", strings.Join(needs, " && "), pr.tried(o, text))
	}
	return pr.tried(o, text) + "\n"
}

// tried has what a panic comes out of go on.
func (pr *printer) tried(o *Op, text string) string {
	if pr.p.Panics && o.Do != "throw" && !o.To.is() {
		return fmt.Sprintf("k.try(func() { %s })", text)
	}
	return text
}

// needs says which variables have to be set, of those that the setup does not make.
func (pr *printer) needs(o *Op) (conditions []string) {
	if pr.made == nil {
		pr.made = make(map[Ref]bool)
		for _, o := range pr.p.Setup {
			pr.made[o.To], pr.made[o.To2] = true, true
		}
	}
	refs := []Ref{o.On}
	if o.Ctx.Base == Promised {
		refs = append(refs, Ref{Promise, o.Ctx.N})
	}
	if o.Ctx.Base == Var && o.Ctx.How != Far {
		refs = append(refs, Ref{Context, o.Ctx.N})
	}
	for _, r := range append(refs, o.Of...) {
		if r.is() && !pr.made[r] {
			conditions = append(conditions, r.String()+" != nil")
		}
	}
	return conditions
}

func printDuration(d time.Duration) string {
	if d == farAway {
		return "300*time.Hour"
	}
	return fmt.Sprintf("%d*time.Millisecond", d.Milliseconds())
}

func (pr *printer) context(c Ctx, site int) string {
	base := "context.Background()"
	switch c.Base {
	case Var:
		base = Ref{Context, c.N}.String() + ".Context"
	case Own:
		if pr.in > 0 {
			base = "ctx"
		}
	case Promised:
		base = Ref{Promise, c.N}.String() + ".Context()"
	case NilContext:
		return "nil"
	case Background:
	}
	switch c.How {
	case WithValue:
		return fmt.Sprintf("context.WithValue(%s, kitKey{}, %d)", base, site)
	case WithTimeout:
		return fmt.Sprintf("k.timeout(%s, %s)", base, printDuration(c.D))
	case WithCancel:
		return fmt.Sprintf("k.cancelable(%s)", base)
	case WithoutCancel:
		return fmt.Sprintf("context.WithoutCancel(%s)", base)
	case Far:
		return "k.timeout(context.Background(), 300*time.Hour)"
	case Plain:
	}
	return base
}

func (pr *printer) members(x *entry, o *Op) string {
	var names []string
	for _, r := range o.Of {
		name := r.String()
		if x.kind == None && r.Kind == Stranger {
			name += ".w"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func (pr *printer) ops(ops []*Op) string {
	var b strings.Builder
	for _, o := range ops {
		b.WriteString("\n" + pr.op(o))
	}
	return b.String()
}

// body prints a callback, or the options of a scope.
func (pr *printer) body(x *entry, o *Op) string {
	if x.name == "newScope" {
		return pr.scopeOptions(o)
	}
	in := pr.in
	pr.in = 0
	defer func() { pr.in = in }()
	return pr.ops(o.Body)
}

func (pr *printer) scopeOptions(o *Op) string {
	so := scopeOptions(o)
	var b strings.Builder
	fmt.Fprintf(&b, "Limit: %d, Queue: %d, Panic: async.%v, Track: %v", so.Limit, so.Queue, so.Panic, so.Track)
	if o.N&scopeObserves != 0 {
		events := []string{"Begun", "Started", "Completed", "Abandoned", "Discarded", "BeginContext", "Joined"}
		b.WriteString(", Observer: async.Observer{")
		for i, event := range events {
			body := ""
			if o.N>>2 == i+1 {
				body = pr.ops(o.Body)
			}
			form := "%s: func(async.CallInfo) {%s},\n"
			switch i + 1 {
			case observesBeginContext:
				form = "%s: func(ctx context.Context, _ async.CallInfo) context.Context {%s\nreturn context.WithValue(ctx, kitKey{}, 1)\n},\n"
			case observesJoined:
				form = "%s: func(context.Context, async.CallInfo) {%s},\n"
			}
			fmt.Fprintf(&b, form, event, body)
		}
		b.WriteString("}")
	}
	return b.String()
}

// function prints the function of a call.
func (pr *printer) function(o *Op) string {
	f := o.Fn
	pr.in++
	defer func() { pr.in-- }()
	var b strings.Builder
	b.WriteString("func(ctx context.Context) (int, error) {")
	b.WriteString(pr.ops(f.Body))
	if f.Gate > 0 {
		fmt.Fprintf(&b, "\n%v.wait(ctx, %v)\n", Ref{Gate, f.Gate - 1}, f.Ends)
	}
	token := f.Site*perSite + 1
	switch f.End {
	case Returns:
		fmt.Fprintf(&b, "\nreturn k.made(%d, nil)\n}", token)
	case Fails:
		fmt.Fprintf(&b, "\nreturn k.made(%d, errors.New(\"failure\"))\n}", token)
	case Panics:
		fmt.Fprintf(&b, "\npanic(\"panic %d\")\n}", token)
	case Exits:
		b.WriteString("\nruntime.Goexit()\nreturn 0, nil\n}")
	}
	return b.String()
}

func (pr *printer) options(x *entry, o *Op) string {
	var opts []string
	p := &o.Opts
	add := func(ok bool, text string) {
		if ok {
			opts = append(opts, text)
		}
	}
	add(p.Streaming, "async.Streaming()")
	add(p.Abandon, "async.CancelOnAbandon()")
	add(p.Named, fmt.Sprintf("async.Name(\"call %d\")", o.Site))
	in := pr.in
	pr.in = 0
	if p.Discard {
		add(true, fmt.Sprintf("async.Discard(func(v int, err error) {k.lost(v)%s})", pr.ops(p.OnDiscard)))
	}
	for _, body := range p.OnSignal {
		add(true, fmt.Sprintf("async.OnSignal(func() {%s})", pr.ops(body)))
	}
	pr.in = in
	add(p.Scope > 0, Ref{Scope, p.Scope - 1}.String())
	if x.name == "map" {
		add(mapAtOnce(o.N) > 0, fmt.Sprintf("async.AtOnce(%d)", mapAtOnce(o.N)))
		add(mapInOrder(o.N), "async.InOrder()")
	}
	add(p.Errgroup > 0, fmt.Sprintf("async.InGroup(%v)", Ref{Errgroup, p.Errgroup - 1}))
	if len(opts) == 0 {
		return ""
	}
	text := strings.Join(opts, ", ")
	if x.name != "newGroup" {
		text = ", " + text
	}
	return text
}

// pruneImports takes out what the source does not use.
func pruneImports(text string) string {
	head, rest, _ := strings.Cut(text, "\n)\n")
	var b strings.Builder
	for line := range strings.Lines(head + "\n") {
		path := strings.Trim(strings.TrimSpace(line), `"`)
		name := path[strings.LastIndex(path, "/")+1:]
		if strings.HasPrefix(line, "\t\"") && !regexp.MustCompile(`\b`+name+`\.`).MatchString(rest) {
			continue
		}
		b.WriteString(line)
	}
	return b.String() + ")\n" + rest
}
