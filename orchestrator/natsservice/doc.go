// Package natsservice is the orchestrators' NATS micro service: what clients
// ask instead of reading the journal or the view themselves.
//
//	get history definitions   any member, from the journal
//	saga steps diff plan      any member, from the journal, as HTTP has them
//	list counts clusters      any member, from the view of all partitions
//	partitions participants audit   any member, from both
//	do.start do.control do.signal do.bulk   any member, by publishing
//	status rejected bulks do.stop-bulk      every member, each for itself
//
// $SRV.PING, INFO and STATS know it by [ServiceName]. Requests and answers are
// the types of packages orchestrator and verbs, as JSON; errors have one of its codes.
// A request costs its sender one message, so it is bounded here: in how many
// are answered at a time, in how long each may take, and in how long an answer
// may be.
package natsservice
