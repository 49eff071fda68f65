package async

// A share is what a handle of [Group.Join] has in the run it stands for. The
// handle's call has a copy of the run's result; whether that was taken, and when
// nobody can take it any more, is told to the run, which disposes of it.
type share struct{ of sharer }

// A sharer is told what becomes of the copy: that it was handed out, for the first
// time, and that the last reference on the handle's call went after completion, and
// whether the copy was handed out before. The word of the call decides that in one
// step (K4); taken may come late. Neither is called under a lock.
type sharer interface {
	taken()
	gone(taken bool)
}

func (s *share) taken() {
	if s != nil {
		s.of.taken()
	}
}
