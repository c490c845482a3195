package orders

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/amends-io/amends/participants/protocol"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

// Bounds of a file. It may be anybody's.
const (
	MaxBytes = 64 << 20
	MaxRows  = 1_000_000

	maxField = 128
	maxFault = 10 // that are told at once
)

// Columns that a file has, in any order, named by its first line.
var Columns = []string{"InvoiceNo", "InvoiceDate", "CustomerID", "Country", "Quantity", "UnitPrice"}

// dateLayout is how the data writes a time: month first.
const dateLayout = "1/2/2006 15:04"

// Read reads a CSV of invoices. If lines of it cannot be read, its error names
// them, up to a bound, and no row is returned: half a file is not what was meant.
func Read(r io.Reader) ([]Row, error) {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	text := bufio.NewReader(limited)
	if mark, err := text.Peek(3); err == nil && string(mark) == "\uFEFF" {
		_, _ = text.Discard(3) // spreadsheets put it there
	}
	f := file{csv: csv.NewReader(text)}
	f.csv.ReuseRecord = true
	if err := f.header(); err != nil {
		return nil, err
	}
	for f.next() {
		if len(f.rows) > MaxRows {
			return nil, fmt.Errorf("more than %d rows", MaxRows)
		}
	}
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("the file has more than %d MiB", MaxBytes>>20)
	case len(f.faults) > 0:
		return nil, errors.Join(f.faults...)
	case len(f.rows) == 0:
		return nil, errors.New("the file has no rows")
	}
	return f.rows, nil
}

type file struct {
	csv    *csv.Reader
	column [6]int // where each of Columns stands
	rows   []Row
	faults []error
}

func (f *file) header() error {
	names, err := f.csv.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("the file is empty; its first line has to be %s", strings.Join(Columns, ","))
	} else if err != nil {
		return fault(err)
	}
	for i, name := range Columns {
		f.column[i] = slices.Index(names, name)
		switch {
		case f.column[i] < 0:
			return fmt.Errorf("line 1: there is no column %s; the columns are %s", name, strings.Join(Columns, ","))
		case slices.Contains(names[f.column[i]+1:], name):
			return fmt.Errorf("line 1: there are two columns %s", name)
		}
	}
	return nil
}

// next reads one row, and reports whether there may be more.
func (f *file) next() bool {
	record, err := f.csv.Read()
	if errors.Is(err, io.EOF) {
		return false
	}
	var row Row
	if err == nil {
		row, err = f.row(record)
	} else {
		err = fault(err)
	}
	if err == nil {
		f.rows = append(f.rows, row)
		return true
	}
	// Behind a quote that is never closed nothing is what it seems, and a
	// source that fails once fails again.
	var parse *csv.ParseError
	if more := errors.Is(err, csv.ErrFieldCount) || !errors.As(err, &parse) && errors.Is(err, errRow); !more {
		f.faults = append(f.faults, err)
		return false
	}
	if len(f.faults) == maxFault {
		f.faults = append(f.faults, errors.New("and more"))
		return false
	}
	f.faults = append(f.faults, err)
	return true
}

// errRow is wrapped by what is wrong with one row alone.
var errRow = errors.New("malformed row")

type rowError struct {
	line int
	err  error
}

func (e *rowError) Error() string   { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *rowError) Unwrap() []error { return []error{e.err, errRow} }

// fault says what the CSV reader found, with the line that it names.
func fault(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return &rowError{parse.Line, err0{parse.Err, parse}}
	}
	return fmt.Errorf("read the file: %w", err)
}
