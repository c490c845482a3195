// Package verbs is what one can ask of Amends, whichever way one asks: HTTP and
// the NATS micro service both hand their requests to it.
//
//	reads    Get Read Steps Diff Plan        one saga, from the journal
//	         List Counts Failures            many, from the view
//	         Audit Durations                 many, from both
//	         Definitions Participants Partitions Rejected
//	writes   Start Control Signal            through [Sagas]
//	         Bulk                            Control, for all that a filter matches or that are named
//
// It checks what it is asked, as it comes from anybody, and says with a
// [Failure] what is wrong. Who writes, and how other members are reached, are
// ports: this package knows no technology.
package verbs
