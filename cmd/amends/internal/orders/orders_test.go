package orders_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/amends-io/amends/cmd/amends/internal/orders"
	"github.com/amends-io/amends/sagas/placeorder"
	"github.com/amends-io/amends/sagas/placeorder/contract"
)

func retail(t testing.TB) []orders.Row {
	t.Helper()
	rows, err := orders.Retail()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func count(rows []orders.Row) map[orders.Reason]int {
	kinds := make(map[orders.Reason]int)
	for _, r := range rows {
		kinds[r.Reason()]++
	}
	return kinds
}

// twice counts the order numbers that more than one order has.
func twice(rows []orders.Row) (numbers int) {
	seen := make(map[string]int)
	for _, r := range rows {
		if r.Reason() == "" {
			if seen[r.Number]++; seen[r.Number] == 2 {
				numbers++
			}
		}
	}
	return numbers
}

func TestTheRealOrdersAreAllThere(t *testing.T) {
	t.Parallel()
	rows := retail(t)
	if len(rows) != 25_943 {
		t.Errorf("%d rows, want 25943", len(rows))
	}
	want := map[orders.Reason]int{
		"": 18_562, orders.Cancellation: 3837, orders.BadDebt: 3,
		orders.NoQuantity: 1336, orders.NoPrice: 766, orders.BlankCustomer: 1439,
	}
	if diff := cmp.Diff(want, count(rows)); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	if n := twice(rows); n != 30 {
		t.Errorf("%d numbers of orders come twice, want 30", n)
	}
	var blank, free, worth int64
	for _, r := range rows {
		if r.Customer == "(blank)" {
			blank++
		}
		if r.Price <= 0 {
			free++
		}
		if r.Reason() == "" {
			worth += int64(r.Order().Amount())
		}
	}
	if blank != 3722 || free != 2104 || worth != 136_265_546_641 {
		t.Errorf("%d blank, %d free, orders worth %d; want 3722, 2104, 136265546641", blank, free, worth)
	}
	wantRow := orders.Row{Line: 4, Number: "536367", Date: "2010-12-01T08:34", Customer: "13047", Country: "United Kingdom", Units: 83, Price: 48_533}
	if diff := cmp.Diff(wantRow, rows[2]); diff != "" {
		t.Error(diff)
	}
	wantOrder := placeorder.Order{
		Number: "536367", Date: "2010-12-01T08:34", Customer: "13047", Country: "United Kingdom",
		Article: "goods-4-8533", Units: 83, Price: 48_533,
	}
	if diff := cmp.Diff(wantOrder, rows[2].Order()); diff != "" {
		t.Error(diff)
	}
}

func TestEverySampleHasEveryKindOfRow(t *testing.T) {
	t.Parallel()
	rows := retail(t)
	for _, n := range []int{100, 101, 137, 500, 777, 5000, 20_000, 25_942, 25_943} {
		got := orders.Sample(rows, n)
		kinds := count(got)
		if len(got) != n || len(kinds) != 6 || twice(got) == 0 {
			t.Errorf("of %d: %d rows, kinds %v, %d numbers twice", n, len(got), kinds, twice(got))
		}
		// Most are orders, as they are in the file.
		if share := float64(kinds[""]) / float64(n); share < 0.66 || share > 0.75 {
			t.Errorf("of %d: %.0f%% are orders", n, 100*share)
		}
		lines, tenths := make(map[int]bool), make([]int, 10)
		for i, r := range got {
			if lines[r.Line] || i > 0 && r.Line <= got[i-1].Line {
				t.Fatalf("of %d: line %d comes twice, or out of order", n, r.Line)
			}
			lines[r.Line] = true
			tenths[(r.Line-2)*10/len(rows)]++
		}
		for i, rows := range tenths {
			if rows < n*7/100 || rows > n*13/100 {
				t.Errorf("of %d: the file's tenth %d has %d rows", n, i, rows)
			}
		}
	}
}

func TestASampleHasTheSizeThatWasAskedFor(t *testing.T) {
	t.Parallel()
	rows := retail(t)[:60]
	rows = append(rows, retail(t)[22_090:22_120]...) // around the first cancellations
	rows = append(rows, retail(t)[125:135]...)       // with a number that comes twice
	for n := range len(rows) + 10 {
		if got := orders.Sample(rows, n); len(got) != min(n, len(rows)) {
			t.Errorf("of %d: %d rows", n, len(got))
		}
	}
	if got := orders.Sample(nil, 5); len(got) != 0 {
		t.Errorf("of nothing: %d rows", len(got))
	}
}

func TestTheFirstReasonIsTold(t *testing.T) {
	t.Parallel()
	good := orders.Row{Number: "1", Customer: "17850", Country: "France", Units: 1, Price: 1}
	for want, change := range map[orders.Reason]func(*orders.Row){
		"":                   func(*orders.Row) {},
		orders.Cancellation:  func(r *orders.Row) { r.Number, r.Units, r.Customer = "C1", -1, "(blank)" },
		orders.BadDebt:       func(r *orders.Row) { r.Number, r.Price = "A1", -1 },
		orders.NoQuantity:    func(r *orders.Row) { r.Units, r.Price = 0, 0 },
		orders.NoPrice:       func(r *orders.Row) { r.Price, r.Customer = 0, "(blank)" },
		orders.BlankCustomer: func(r *orders.Row) { r.Customer = "" },
		orders.Unusable:      func(r *orders.Row) { r.Number = "*" },
	} {
		r := good
		change(&r)
		if got := r.Reason(); got != want {
			t.Errorf("%+v: got %q, want %q", r, got, want)
		}
	}
	overflow := good
	overflow.Units, overflow.Price = 1<<40, contract.MaxMoney
	if overflow.Reason() != orders.Unusable {
		t.Error("an amount that overflows is an order")
	}
}

func TestGoodsOfOnePriceAreOneArticle(t *testing.T) {
	t.Parallel()
	for price, want := range map[contract.Money]string{
		1: "goods-0-0001", 48_533: "goods-4-8533", 19_500: "goods-1-9500", contract.MaxMoney: "goods-100000000-0000",
	} {
		if got := (orders.Row{Price: price}).Order().Article; got != want {
			t.Errorf("%v: %s, want %s", price, got, want)
		}
	}
}

const head = "InvoiceNo,InvoiceDate,CustomerID,Country,Quantity,UnitPrice\n"

func TestOnesOwnFileIsRead(t *testing.T) {
	t.Parallel()
	got, err := orders.Read(strings.NewReader("\uFEFFUnitPrice,Note,InvoiceNo,InvoiceDate,CustomerID,Country,Quantity\r\n" +
		"0.5,\"two\nlines\",A-1,12/9/2011 11:58,c_1,\"Korea, South\",12\r\n\r\n" +
		"-1,,X,1/1/2011 0:00,,,-9223372036854775808"))
	if err != nil {
		t.Fatal(err)
	}
	want := []orders.Row{
		{Line: 2, Number: "A-1", Date: "2011-12-09T11:58", Customer: "c_1", Country: "Korea, South", Units: 12, Price: 5000},
		{Line: 5, Number: "X", Date: "2011-01-01T00:00", Units: -9223372036854775808, Price: -10_000},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAFileThatIsNoneIsRefusedWithItsLines(t *testing.T) {
	t.Parallel()
	const good = "1,12/1/2010 8:26,2,France,3,4.5\n"
	for name, tt := range map[string]struct{ text, want string }{
		"empty":             {"", "first line has to be InvoiceNo,InvoiceDate"},
		"no rows":           {head, "no rows"},
		"another CSV":       {"a,b\n1,2\n", "line 1: there is no column InvoiceNo"},
		"a column twice":    {"InvoiceNo," + head + "1," + good, "line 1: there are two columns InvoiceNo"},
		"too few fields":    {head + good + "1,2\n" + good + "3\n", "line 3: 2 fields, the first line has 6\nline 5: 1 fields"},
		"an open quote":     {head + good + "\"1,12/1/2010 8:26\n" + good, "line 4"},
		"a stray quote":     {head + "1\"2,12/1/2010 8:26,2,France,3,4.5\n", "line 2: bare \""},
		"no number":         {head + "1,12/1/2010 8:26,2,France,1e3,4.5\n", `line 2: column Quantity: "1e3" is no whole number`},
		"too large":         {head + "1,12/1/2010 8:26,2,France,9223372036854775808,4.5\n", "line 2: column Quantity"},
		"no price":          {head + "1,12/1/2010 8:26,2,France,3,NaN\n", `line 2: column UnitPrice: "NaN" is no decimal number`},
		"five decimals":     {head + "1,12/1/2010 8:26,2,France,3,0.00001\n", "more than four decimals"},
		"no date":           {head + "1,2010-12-01,2,France,3,4.5\n", `line 2: column InvoiceDate: "2010-12-01"`},
		"a control code":    {head + "1,12/1/2010 8:26,2,\x1b[31mFrance,3,4.5\n", "line 2: Country has control characters"},
		"no UTF-8":          {head + "1,12/1/2010 8:26,2,\xff,3,4.5\n", "line 2: Country has control characters"},
		"a NUL":             {head + "1\x00,12/1/2010 8:26,2,France,3,4.5\n", "line 2: InvoiceNo has control characters"},
		"a long field":      {head + strings.Repeat("9", 200) + ",12/1/2010 8:26,2,France,3,4.5\n", "more than 128 bytes"},
		"eleven bad lines":  {head + strings.Repeat("x\n", 11), "line 11: 1 fields, the first line has 6\nand more"},
		"a file of zeroes":  {strings.Repeat("\x00", 1000), "line 1: there is no column"},
		"more than allowed": {head + "\"" + strings.Repeat(" ", orders.MaxBytes), "more than 32 MiB"},
	} {
		rows, err := orders.Read(strings.NewReader(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) || rows != nil {
			t.Errorf("%s: got %d rows, %v, want %q", name, len(rows), err, tt.want)
		}
	}
	var many strings.Builder
	many.WriteString(head)
	for i := range orders.MaxRows + 1 {
		fmt.Fprintf(&many, "%d,1/1/2011 0:00,,,1,1\n", i)
	}
	if _, err := orders.Read(strings.NewReader(many.String())); err == nil || !strings.Contains(err.Error(), "more than 250000 rows") {
		t.Errorf("one row too many: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(head + "1,12/1/2010 8:26,2,France,3,4.5\n")
	f.Add(head + "\"1\n")
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := orders.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, r := range orders.Sample(rows, len(rows)/2) {
			if r.Reason() == "" && r.Order().Check() != nil {
				t.Errorf("%+v is an order: %v", r, r.Order().Check())
			}
		}
	})
}
