package main

import (
	"errors"
	"os"
	"strconv"

	"github.com/dtm-labs/dtm/dtmsvr/entry"
)

// openServer is what DTM's own command does, without its pages and without the
// registries of services, which an address of a host and a port does not need.
// Its settings are its defaults, but for the store and less to log.
func openServer(s setup) (*part, error) {
	for name, value := range map[string]string{
		"STORE_DRIVER": "redis", "STORE_HOST": s.RedisHost, "STORE_PORT": strconv.Itoa(s.RedisPort),
		"HTTP_PORT": strconv.Itoa(s.HTTPPort), "GRPC_PORT": strconv.Itoa(s.GRPCPort), "JSON_RPC_PORT": strconv.Itoa(s.JSONRPCPort),
		"LOG_LEVEL": logLevel,
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	version := "1.19.0"
	if app, _ := entry.Main(&version); app == nil {
		return nil, errors.New("DTM did not start")
	}
	return &part{}, nil
}
