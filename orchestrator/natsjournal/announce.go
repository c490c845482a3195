package natsjournal

// Announce implements orchestrator.Announcer.
func (s *stream) Announce(body []byte) {
	// An error is a connection that is away, and then nobody hears anything.
	_ = s.journal.nc.Publish(s.journal.subjects.Rows(s.partition), body)
}
