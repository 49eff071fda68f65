package feed

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/seed4712c49f/async/asyncview"
)

// This file has what looks again and again: by the events of the server where it has them,
// and else by asking every so often.

// An Update is what Watch delivers: a report, or why there is none.
type Update struct {
	Report *asyncview.Report
	Err    error         // an *Error; nil where there is a report
	Again  time.Duration // after an error: when the server is asked again
}

// Watch delivers reports of the calls that q asks for, one after the other, until ctx ends;
// then it returns, and delivers nothing any more. A server that is away is asked again and
// again, after pauses that grow. Watch waits for deliver to return: the server drops a
// viewer that is slow for long, and Watch connects again.
func (f *Feed) Watch(ctx context.Context, q asyncview.Query, deliver func(Update)) {
	pause, events := f.first, f.Interval == 0
	for ctx.Err() == nil {
		r, err := f.Report(ctx, q)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			deliver(Update{Err: err, Again: pause})
			sleep(ctx, pause)
			pause = min(2*pause, f.last)
			continue
		}
		pause = f.first
		deliver(Update{Report: r})
		if events {
			events = f.events(ctx, q, deliver)
		}
		sleep(ctx, f.interval())
	}
}

func (f *Feed) interval() time.Duration {
	if f.Interval > 0 {
		return f.Interval
	}
	return f.pause
}

// sleep waits for a time, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// events delivers the reports that the server sends as events, until the server ends that
// or nothing has come for too long. It reports whether events are of use here: the server
// has them, and at least one has come.
func (f *Feed) events(ctx context.Context, q asyncview.Query, deliver func(Update)) (useful bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stalled := time.AfterFunc(f.stall, cancel) // a proxy may keep what the server sends
	defer stalled.Stop()
	resp, err := f.open(ctx, http.MethodGet, "events", parameters(q), nil)
	if err != nil {
		return ctx.Err() == nil // asking for a report says why
	}
	defer resp.Body.Close()
	if !isSuccess(resp) || mediaType(resp) != "text/event-stream" {
		return false
	}
	bad := false
	readEvents(resp.Body, func(event string, data []byte) bool {
		if event != "report" {
			return true
		}
		r, err := f.decode(data)
		if err != nil || ctx.Err() != nil {
			bad = err != nil // asking for a report says why
			return false
		}
		useful = true
		deliver(Update{Report: r})
		stalled.Reset(f.stall)
		return true
	})
	return useful && !bad
}

// readEvents reads server-sent events until the end of the stream or until handle returns
// false. The data of an event is valid until handle returns.
func readEvents(body io.Reader, handle func(event string, data []byte) bool) {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 64<<10), maxReport)
	event, data := "", []byte(nil)
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) == 0 {
			if data != nil && !handle(event, bytes.TrimSuffix(data, []byte("\n"))) {
				return
			}
			event, data = "", nil
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			event = string(value)
		case "data":
			if len(data)+len(value) > maxReport {
				return
			}
			data = append(append(data, value...), '\n')
		}
	}
}
