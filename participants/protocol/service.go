package protocol

// Service is where the orchestrators of a journal answer requests of one kind,
// such as "get". It is no subject of the journal: nothing there is kept.
func (s Subjects) Service(endpoint string) string {
	return "amends.orchestrator." + s.prefix() + "." + endpoint
}

// Counts is where the instances of a participant answer what they have counted.
func (s Subjects) Counts(participant string) string {
	return "amends.participant." + s.prefix() + "." + participant + ".counts"
}
