package asyncview

import (
	"context"

	"github.com/seed4712c49f/async"
)

// This file is the page of one call: where it began, what it waits for, the way up to the
// root, and what was begun in its function.

// Bounds of what is said of one call.
const (
	mostAbove   = 100
	mostBelow   = 200
	mostWaiting = 50
)

// detail returns what there is to know of one call. The error is that of ctx.
func (s *seen) detail(ctx context.Context, ref Ref) (*Detail, error) {
	d := &Detail{Ref: ref, Way: []Call{}, Children: []Call{}, WaitedForBy: []Wait{}}
	w := s.scope(ref.Scope)
	if w == nil {
		return d, nil
	}
	info, ok := w.scope.Info(ref.Call)
	if !ok {
		return d, nil
	}
	call := s.call(w, &info, s.now, true)
	d.Found, d.Call = true, &call
	s.above(d)
	for _, wait := range s.looked.waits {
		switch {
		case wait.To != ref || wait.Kind == "slot":
		case len(d.WaitedForBy) == mostWaiting:
			d.WaitedForByOmitted++
		default:
			d.WaitedForBy = append(d.WaitedForBy, wait)
		}
	}
	children, err := s.below(ctx, d)
	if err != nil {
		return nil, err
	}
	for _, c := range children { // without the turn: the text of an error is anybody's code
		d.Children = append(d.Children, s.call(c.w, &c.info, s.now, false))
	}
	return d, nil
}

// above finds the way up to the root. Calls that are over are not on it: the way ends there.
func (s *seen) above(d *Detail) {
	for at := d.Call.Parent; at != (Ref{}) && len(d.Way) < mostAbove; {
		w := s.scope(at.Scope)
		if w == nil {
			return
		}
		info, ok := w.scope.Info(at.Call)
		if !ok {
			return
		}
		c := s.call(w, &info, s.now, false)
		d.Way = append(d.Way, c)
		at = c.Parent
	}
}

// A child is a call that was begun in the function of another.
type child struct {
	w    *watched
	info async.CallInfo
}

// below finds the calls that were begun in the function of the call. One goroutine at a time
// looks at all calls. The error is that of ctx.
func (s *seen) below(ctx context.Context, d *Detail) (children []child, err error) {
	if err := s.v.take(ctx); err != nil {
		return nil, err
	}
	defer s.v.give()
	for _, w := range s.scopes {
		for c := range w.scope.InFlight() {
			switch {
			case c.Parent != d.Ref.Call || s.names.parent(w, &c) != d.Ref:
			case len(children) == mostBelow:
				d.ChildrenOmitted++
			default:
				children = append(children, child{w, c})
			}
		}
	}
	return children, nil
}
