package verbs

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/amends-io/amends/participants/protocol"
)

// Decode reads a request, which is one JSON object. A field that is not known
// is an error: a filter that is misspelt must not select everything.
func Decode(request []byte, v any) error {
	if err := protocol.CheckJSON(request); err != nil {
		return err
	}
	if bytes.TrimSpace(request)[0] != '{' {
		return errors.New("it is no object")
	}
	d := json.NewDecoder(bytes.NewReader(request))
	d.DisallowUnknownFields()
	return d.Decode(v)
}
