package async

// terms are what a call was begun on, beside its function and its context: the
// options, which the calls of one [GoEach] share, and its place in a scope. A
// core has them behind one pointer, nil for a call begun without options, so
// that a pending call stays small. They are written before the call begins and
// only read afterwards (K1).
type terms struct {
	*options
	task *task // nil without a scope
}

func (t *terms) streams() bool  { return t != nil && t.stream }
func (t *terms) discards() bool { return t != nil && t.discard != nil }
func (t *terms) abandons() bool { return t != nil && t.abandon }

// inGroup reports whether the call is a task of an errgroup.
func (t *terms) inGroup() bool { return t != nil && t.group != nil }

func (t *terms) panicPolicy() PanicPolicy {
	if s := t.inScope(); s != nil {
		return s.scope.o.Panic
	}
	return PanicReraise
}

// inScope returns the call's place in its scope, or nil.
func (t *terms) inScope() *task {
	if t == nil {
		return nil
	}
	return t.task
}
