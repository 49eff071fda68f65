package async

// A taskList is a list of tasks in order.
type taskList struct{ first, last *task }

func (l *taskList) push(t *task) { l.insert(t, l.last) }

// insert puts t behind at, or first where that is nil.
func (l *taskList) insert(t, at *task) {
	t.prev = at
	if at == nil {
		t.next, l.first = l.first, t
	} else {
		t.next, at.next = at.next, t
	}
	if t.next == nil {
		l.last = t
	} else {
		t.next.prev = t
	}
}

func (l *taskList) remove(t *task) {
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.next, t.prev = nil, nil
}
