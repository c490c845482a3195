// Package console is the HTTP side of Amends: the API under /api/v1, which
// openapi.json describes, with its live events.
//
//	New(Config) -> http.Handler
//
// What can be asked for is decided by package verbs, for HTTP and NATS alike;
// here it is taken from requests and written as JSON. Errors are problem
// documents (RFC 9457).
package console
