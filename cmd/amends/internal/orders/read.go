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
	MaxBytes = 32 << 20
	MaxRows  = 250_000

	maxField  = 128
	maxFaults = 10 // that are told at once
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
	for f.next() && len(f.faults) <= maxFaults && len(f.rows) <= MaxRows {
	}
	switch {
	case limited.N <= 0:
		return nil, fmt.Errorf("the file has more than %d MiB", MaxBytes>>20)
	case len(f.rows) > MaxRows:
		return nil, fmt.Errorf("the file has more than %d rows", MaxRows)
	case len(f.faults) > maxFaults:
		f.faults[maxFaults] = errors.New("and more")
		fallthrough
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
		return unreadable(err)
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
	switch {
	case errors.Is(err, io.EOF):
		return false
	case errors.Is(err, csv.ErrFieldCount): // the lines behind it are still what they seem
		f.fault(fmt.Errorf("%d fields, the first line has %d", len(record), f.csv.FieldsPerRecord))
	case err != nil:
		f.faults = append(f.faults, unreadable(err))
		return false
	default:
		if row, err := f.row(record); err != nil {
			f.fault(err)
		} else {
			f.rows = append(f.rows, row)
		}
	}
	return true
}

// fault keeps what is wrong with the line that was read last.
func (f *file) fault(err error) {
	line, _ := f.csv.FieldPos(0)
	f.faults = append(f.faults, fmt.Errorf("line %d: %w", line, err))
}

// unreadable says what the CSV reader found, with the line that it names.
func unreadable(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("line %d: %w", parse.Line, parse.Err)
	}
	return err
}

func (f *file) row(record []string) (Row, error) {
	line, _ := f.csv.FieldPos(0)
	var fields [6]string
	for i, at := range f.column {
		fields[i] = record[at]
		if fields[i] != protocol.Text(fields[i], maxField) {
			return Row{}, fmt.Errorf("%s has control characters, outer spaces, or more than %d bytes", Columns[i], maxField)
		}
	}
	row := Row{Line: line, Number: fields[0], Customer: fields[2], Country: fields[3]}
	date, err := time.Parse(dateLayout, fields[1])
	if err != nil {
		return Row{}, fmt.Errorf("column InvoiceDate: %.40q is no date like 12/31/2010 8:26", fields[1])
	}
	row.Date = date.Format("2006-01-02T15:04")
	if row.Units, err = strconv.ParseInt(fields[4], 10, 64); err != nil {
		return Row{}, fmt.Errorf("column Quantity: %.40q is no whole number", fields[4])
	}
	if row.Price, err = contract.ParseMoney(fields[5]); err != nil {
		return Row{}, fmt.Errorf("column UnitPrice: %w", err)
	}
	return row, nil
}
