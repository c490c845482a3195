// Package spans makes traces of sagas from what the journal has of them: a pure
// function from a history to spans. Ids are made from the saga's id, its run,
// its start's stamp and the attempt; times are the journal's stamps, and those
// that decisions say themselves. So whoever reads the history makes the same
// spans: any orchestrator, and an export years later.
//
//	client's span
//	└─ process …in.start.chain          the root: from the start to the first decision
//	   └─ saga <definition>             the summary, once it has ended; links to each attempt
//
//	do <step>                           a trace for each attempt; links to the root
//	└─ send …out.<participant>.chain    when that was decided, and no longer
//	   └─ process …out.<participant>…   the participant's own span
//	      └─ process …in.<participant>  from the reply to the decision that read it
//
// No span is open for longer than an attempt is: the summary is made when the
// saga has ended.
package spans
