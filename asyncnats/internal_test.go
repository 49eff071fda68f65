package asyncnats

import (
	"math"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/seed4712c49f/async"
	"github.com/seed4712c49f/async/asyncnats/internal/natstest"
	"github.com/seed4712c49f/async/asyncnats/internal/wire"
)

// The lists, and the patterns of subjects, are nothing that a user sees.

type item struct {
	n           int
	link[*item] //nolint:unused // the lists use it
}

// A list has what was pushed and not taken out, in the order of the pushes; an element is in
// the list that it was pushed to last.
func TestList(t *testing.T) {
	var lists [3]list[*item]
	var want [3][]int
	items := make([]*item, 20)
	for i := range items {
		items[i] = &item{n: i}
	}
	for range 20_000 {
		e, to := items[rand.IntN(len(items))], rand.IntN(4)
		for i := range want {
			want[i] = slices.DeleteFunc(want[i], func(n int) bool { return n == e.n })
		}
		if to == 3 {
			leave(e)
		} else {
			lists[to].push(e)
			want[to] = append(want[to], e.n)
		}
		for i := range lists {
			var got []int
			for e := range lists[i].all {
				got = append(got, e.n)
			}
			if !slices.Equal(got, want[i]) || lists[i].len() != len(got) || len(got) > 0 && lists[i].front().n != got[0] {
				t.Fatalf("list %d has %v, not %v", i, got, want[i])
			}
		}
	}
	for e := range lists[0].all {
		leave(e)
	}
	if lists[0].len() != 0 || lists[0].front() != nil {
		t.Error("a loop could not empty the list")
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, subject string
		want             bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "a.b", false}, {"a.b", "a", false},
		{"*", "a", true}, {"*", "a.b", false}, {"a.*.c", "a.b.c", true}, {"a.*.c", "a.b.d", false},
		{">", "a", true}, {">", "a.b.c", true}, {"a.>", "a.b.c", true}, {"a.>", "a", false}, {"a.>.c", "a.b.c", false},
	} {
		if got := matches(test.pattern, test.subject); got != test.want {
			t.Errorf("matches(%q, %q) is %t", test.pattern, test.subject, got)
		}
	}
}

// A worker forgets a cancellation whose record is not kept any more, and not one that came while
// the worker looked for the record.
func TestForgetsWhatWasSeen(t *testing.T) {
	q := openJobs(t)
	w := newWorker(q, WorkOptions{})
	defer w.cancel()
	seen := ended{async.ErrCanceled, time.Now().Add(-time.Hour)}
	j := &errand{on: w, id: "a"}
	w.over["a"] = seen
	w.wasCanceled(j, seen)
	if len(w.over) != 0 || len(w.ready) != 1 {
		t.Errorf("the cancellation of an id that was submitted anew remains: %v", w.over)
	}
	w.canceled(record{id: "a", kind: kindCanceled})
	w.wasCanceled(j, seen)
	if len(w.over) != 1 {
		t.Error("a cancellation that came during the look was forgotten")
	}
}

// A worker of a queue that keeps for ever forgets no cancellation.
func TestForgetsNothingForEver(t *testing.T) {
	w := &Worker{q: &Queue{o: QueueOptions{Keep: math.MaxInt64}}, over: map[string]ended{"a": {at: time.Now()}}}
	w.forget(time.Now().Add(time.Hour))
	if len(w.over) != 1 {
		t.Error("a cancellation was forgotten")
	}
	w.q.o.Keep = time.Minute
	w.forget(time.Now().Add(time.Hour))
	if len(w.over) != 0 {
		t.Error("a cancellation was kept")
	}
}

// While the connection is down the goroutine that watches waits for the connection, and does not
// look again and again for servers that cannot be heard.
func TestWatch_RestsWhileDown(t *testing.T) {
	c := &Client{o: ClientOptions{Heartbeat: time.Second}, table: newTable()}
	p := &peer{every: time.Second}
	c.table.peers["p"] = p
	for _, l := range []*list[*entry]{&c.table.sent, &c.table.asking, &c.table.again, &p.calls} {
		e := &entry{sent: true}
		c.table.insert(e, 0)
		c.table.move(e, l, 0)
	}
	now := time.Hour
	c.line = line{down: true, patience: 2 * time.Hour}
	if d := c.next(now) - now; d < time.Second {
		t.Errorf("it looks again after %v", d)
	}
	c.line.down = false
	if d := c.next(now) - now; d > time.Millisecond {
		t.Errorf("when the connection is back it looks after %v", d)
	}
}

// A slowConn writes while mu is free.
type slowConn struct {
	net.Conn
	mu *sync.Mutex
}

func (c slowConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.Conn.Write(b)
}

// A slowDialer dials a slowConn.
type slowDialer struct{ mu *sync.Mutex }

func (d slowDialer) Dial(network, address string) (net.Conn, error) {
	nc, err := net.Dial(network, address)
	return slowConn{nc, d.mu}, err
}

// A shutdown goes on when the replies of calls that could not be begun are sent, and not before.
func TestShutdown_Refusals(t *testing.T) {
	var mu sync.Mutex
	nc := natstest.Connect(t, natstest.Run(t, natstest.Options()).ClientURL(), nats.SetCustomDialer(slowDialer{&mu}))
	s, err := newServer(nc, ServeOptions{Name: "service"})
	if err != nil {
		t.Fatal(err)
	}
	j := &job{reply: "nobody"}
	s.mu.Lock()
	s.desk.admit(j, "")
	s.closing = true
	s.mu.Unlock()
	mu.Lock()
	go s.answer(answer{j, nil, &nats.Msg{Subject: "nobody", Data: make([]byte, 1<<19)}}) // more than fits in the buffer of NATS
	if s.empty.WaitFor(100*time.Millisecond) == nil {
		t.Error("the shutdown does not wait for a reply that is not sent yet")
	}
	mu.Unlock()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A finished is the work of a call that is complete.
type finished struct {
	job
	canceled bool
}

func (f *finished) begin()               {}
func (f *finished) balked(error)         {}
func (f *finished) refusal(error) answer { return answer{job: &f.job} }
func (f *finished) finish() answer       { return answer{job: &f.job, value: []byte("42")} }
func (f *finished) leave()               {}
func (f *finished) cancel(error)         { f.canceled = true }

// N3: a cancellation that comes when the reply waits to be sent is too late: the reply is sent, and the
// client discards it.
func TestN3_CanceledWhenAnswered(t *testing.T) {
	nc := natstest.Connect(t, natstest.Run(t, natstest.Options()).ClientURL())
	inbox := wire.Inbox("_INBOX", "json", "x")
	replies := make(chan *nats.Msg, 1)
	if _, err := nc.ChanSubscribe(inbox+".*", replies); err != nil {
		t.Fatal(err)
	}
	s, err := newServer(nc, ServeOptions{Name: "service"})
	if err != nil {
		t.Fatal(err)
	}
	f := &finished{job: job{reply: inbox + "." + wire.NewMinter().Mint().String()}}
	f.work = f
	s.mu.Lock()
	s.desk.admit(&f.job, inbox)
	s.sending = true // another reply
	s.mu.Unlock()
	s.completed(f, false)
	s.canceled(&wire.Cancel{Reply: f.reply})
	s.sendAll()
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	select {
	case m := <-replies:
		if string(m.Data) != "42" || f.canceled {
			t.Errorf("%s, %t", m.Data, f.canceled)
		}
	case <-time.After(10 * time.Second):
		t.Error("the value was lost")
	}
}

// What a server does for one client does not take the longer the more calls others have, and to tell a
// client of its calls takes no longer the more there are to tell of.
func TestDesk_ManyJobs(t *testing.T) {
	d, minter := newDesk(), wire.NewMinter()
	admit := func(inbox string) *customer {
		j := &job{reply: inbox + "." + minter.Mint().String()}
		j.work = &finished{}
		d.admit(j, inbox)
		return j.client
	}
	inbox := wire.Inbox("_INBOX", "json", "x")
	var many *customer
	const n = 100_000
	for range n {
		many = admit(inbox)
	}
	one := admit(wire.Inbox("_INBOX", "json", "y"))
	looked := 0
	for j := range one.all {
		if j.client != one {
			t.Error("the job of another client")
		}
		looked++
	}
	if looked != 1 {
		t.Errorf("%d jobs", looked)
	}
	allocs := testing.AllocsPerRun(5, func() { many.tellFresh(10) })
	if told := n - many.fresh.len(); allocs > 1 || told != 60 || many.told.len() != told {
		t.Errorf("%v allocations for ten jobs; %d were told", allocs, told)
	}
}

// A call that nobody waits for counts once, whoever says so, and how often: also where the call has not
// begun, since code of a user holds up those before it.
func TestServerStats_NobodyWaitsOnce(t *testing.T) {
	nc := natstest.Connect(t, natstest.Run(t, natstest.Options()).ClientURL())
	s, err := newServer(nc, ServeOptions{Name: "service"})
	if err != nil {
		t.Fatal(err)
	}
	inbox, id := wire.Inbox("_INBOX", "json", "x"), wire.NewMinter().Mint()
	f := &finished{job: job{reply: inbox + "." + id.String()}}
	f.work = f
	s.mu.Lock()
	s.desk.admit(&f.job, inbox)
	k := f.client
	s.mu.Unlock()
	s.canceled(&wire.Cancel{Reply: f.reply, Text: "not wanted"})
	for range 3 {
		s.canceled(&wire.Cancel{Reply: f.reply})
		s.dropped(&wire.Drop{Inbox: inbox, IDs: append(id[:], id[:]...)})
		s.mu.Lock()
		s.abandonLocked(k, time.Hour, ErrClientGone)
		s.mu.Unlock()
	}
	if st := s.Stats(); st.Canceled != 1 || st.Gone != 0 {
		t.Errorf("%+v", st)
	}
	if cause := s.causeOf(&f.job); cause.Error() != "not wanted" {
		t.Errorf("the call ends because of %v", cause)
	}
	s.completed(f, false)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// However little NATS takes in a message, some ids are in it.
func TestIdsIn(t *testing.T) {
	for payload, want := range map[int64]int{0: wire.MaxIDs, 512: 1, 1 << 10: 1, 4 << 10: 3072 / 22, 1 << 20: wire.MaxIDs} {
		if n := idsOf(payload); n != want {
			t.Errorf("%d ids where NATS takes %d bytes, not %d", n, payload, want)
		}
	}
}
