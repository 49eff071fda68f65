package async

// A share is what a handle of [Group.Join] has in the run it stands for.
type share struct{}

func (s *share) taken() {}
func (s *share) gone()  {}
