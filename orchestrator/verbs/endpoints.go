package verbs

// Endpoints of the orchestrators' micro service beside those of package
// orchestrator, see protocol.Subjects.Service. Any member answers them but
// EndpointBulks and EndpointStopBulk, which each answers for itself.
const (
	EndpointSaga  = "saga" // SagaRequest -> Saga, as HTTP has it
	EndpointSteps = "steps"
	EndpointDiff  = "diff"
	EndpointPlan  = "plan"
	EndpointAudit = "audit" // orchestrator.AuditQuery -> Audit

	// Those that change something have a subject of one token more, so that
	// who may only look is not permitted to use them.
	EndpointStart    = "do.start"
	EndpointControl  = "do.control"
	EndpointSignal   = "do.signal"
	EndpointBulk     = "do.bulk"
	EndpointStopBulk = "do.stop-bulk"
	EndpointBulks    = "bulks"
)

// A NamedControl is a ControlRequest with the saga that it is about.
type NamedControl struct {
	ID string `json:"id"`
	ControlRequest
}

// A NamedSignal is a SignalRequest with the saga that it is for.
type NamedSignal struct {
	ID string `json:"id"`
	SignalRequest
}

// A BulkAnswer is the count of a dry run, or the bulk that has begun.
type BulkAnswer struct {
	Preview *Preview `json:"preview,omitempty"`
	Bulk    *Bulk    `json:"bulk,omitempty"`
}

// A BulksAnswer is what one member remembers of its bulks.
type BulksAnswer struct {
	Member  string   `json:"member"`
	Members []string `json:"members"`
	Bulks   []Bulk   `json:"bulks"`
}
