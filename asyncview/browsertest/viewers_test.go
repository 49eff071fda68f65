package browsertest_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed4712c49f/async/asyncview"
)

// A narrow listener accepts connections into which little can be written before their
// readers read.
type narrow struct{ net.Listener }

const narrowBuffer = 4 << 10

func (l narrow) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		err = tcp.SetWriteBuffer(narrowBuffer)
	}
	return c, err
}

// Ten viewers who never read are dropped. Meanwhile calls begin and end, and a viewer who
// reads sees them.
func TestViewersWhoNeverRead(t *testing.T) {
	t.Parallel()
	const viewers = 10
	w := newWorld(t)
	w.people(400)
	s := w.scope("work", 1)
	view := asyncview.For(w.all)
	var watching atomic.Int32
	dropped := make(chan struct{}, viewers)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		watching.Add(1)
		view.ServeHTTP(rw, r)
		dropped <- struct{}{}
	}))
	server.Listener = narrow{server.Listener}
	server.Start()
	defer server.Close()
	for range viewers {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.(*net.TCPConn).SetReadBuffer(narrowBuffer)
		fmt.Fprintf(c, "GET /events HTTP/1.1\r\nHost: here\r\nAccept: text/event-stream\r\n\r\n")
	}
	b := open(t)
	b.visit(w.url)
	late := time.After(2 * patience)
	for left := viewers; left > 0; {
		name := fmt.Sprintf("while %d do not read", left)
		call := w.begin(s, name)
		b.until("a call that began meanwhile", has(name))
		_ = call.Cancel(nil)
		call.Release()
		b.until("that it is over", "!"+has(name))
		for ; len(dropped) > 0; left-- {
			<-dropped
		}
		select {
		case <-late:
			t.Fatalf("%d of %d viewers are still there", left, watching.Load())
		default:
		}
	}
}
