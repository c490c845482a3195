package generate_test

import (
	"context"
	"strings"
	"testing"

	"github.com/amends-io/amends/cmd/amends/internal/generate"
	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
)

// Nobody has no sagas, or only some that completed.
type nobody struct {
	generate.Lister
	sagas []instance.State
}

func (n nobody) List(context.Context, orchestrator.Query) ([]instance.State, *orchestrator.Cursor, error) {
	return n.sagas, nil, nil
}

func (nobody) Clusters(context.Context, orchestrator.ClusterQuery) (orchestrator.Clusters, error) {
	return orchestrator.Clusters{}, nil
}

func TestWhatIsNotThereIsNotMeasured(t *testing.T) {
	for _, l := range []nobody{{}, {sagas: []instance.State{{ID: "o"}}}} {
		err := generate.Measure(t.Context(), l, 1, nil)
		if err == nil || !strings.Contains(err.Error(), "amends generate") || strings.Contains(err.Error(), "%!") {
			t.Errorf("%d sagas: %v", len(l.sagas), err)
		}
	}
}
