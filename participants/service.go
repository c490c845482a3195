package participants

import (
	"fmt"
	"log/slog"
	"maps"
	"os"

	"github.com/nats-io/nats.go/micro"

	"github.com/amends-io/amends/participants/protocol"
)

// register shows the participant as a NATS micro service: $SRV.INFO says what
// it can do, $SRV.STATS what it has done. The one endpoint answers its counts.
func (s *session) register() (micro.Service, error) {
	metadata := maps.Clone(s.config.metadata)
	if metadata == nil {
		metadata = make(map[string]string)
	}
	metadata["amends-sdk"] = "go/" + SDKVersion
	metadata["amends-actions"] = s.known()
	metadata["amends-durable"] = protocol.Durable(s.name)
	host, _ := os.Hostname() // without one it has no name
	metadata["amends-host"] = protocol.Text(host, protocol.MaxName)
	service, err := micro.AddService(s.nc, micro.Config{
		Name:         s.name,
		Version:      s.config.version,
		Description:  "participant " + s.name,
		Metadata:     metadata,
		StatsHandler: func(*micro.Endpoint) any { return s.Counts() },
		ErrorHandler: func(_ micro.Service, err *micro.NATSError) {
			s.config.logger.Warn("micro service", slog.Any("error", err))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("participants: micro service: %w", err)
	}
	err = service.AddEndpoint("counts", micro.HandlerFunc(func(r micro.Request) {
		_ = r.RespondJSON(s.Counts()) // whoever asked asks again
	}), micro.WithEndpointSubject(s.config.subjects.Counts(s.name)), micro.WithEndpointQueueGroupDisabled())
	if err != nil {
		_ = service.Stop()
		return nil, fmt.Errorf("participants: micro service: %w", err)
	}
	return service, nil
}
