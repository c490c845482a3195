// Package endtoend tests the whole of Amends as it is put together: real
// nats-server, real redis-server, orchestrators, participants and clients.
package endtoend
