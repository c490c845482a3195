package contract_test

import (
	"math"
	"strings"
	"testing"

	"github.com/amends-io/amends/sagas/placeorder/contract"
)

func TestMoneyIsReadExactly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]contract.Money{
		"0": 0, "3.91": 39_100, "4.8533": 48_533, "4.775": 47_750, "1": 10_000, "-11062.06": -110_620_600,
		"0.0001": 1, "13541.33": 135_413_300, "0.1": 1000, "007.5": 75_000, "100000000": contract.MaxMoney,
	} {
		if got, err := contract.ParseMoney(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestWhatIsNoMoneyIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"": "no decimal", ".": "no decimal", ".5": "no decimal", "5.": "no decimal", "-": "no decimal",
		"1e400": "no decimal", "NaN": "no decimal", "inf": "no decimal", "0x10": "no decimal", "+1": "no decimal",
		"1,5": "no decimal", "1.2.3": "no decimal", "--1": "no decimal", "１": "no decimal", " 1": "no decimal",
		"1.00001": "four decimals", "100000000.0001": "over £100,000,000.00",
		"9223372036854775808": "over", strings.Repeat("9", 4000): "over",
	} {
		got, err := contract.ParseMoney(text)
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 100 {
			t.Errorf("%.40q: got %d, %v, want %q", text, got, err, want)
		}
	}
}

func TestMoneyIsWrittenForPeople(t *testing.T) {
	t.Parallel()
	for m, want := range map[contract.Money]string{
		0: "£0.00", 1: "£0.0001", 39_100: "£3.91", 48_533: "£4.8533", -110_620_600: "-£11,062.06",
		12_345_678_900: "£1,234,567.89", 9_990_000: "£999.00", 10_000_000: "£1,000.00",
		math.MinInt64: "-£922,337,203,685,477.5808",
	} {
		if got := m.String(); got != want {
			t.Errorf("%d: got %s, want %s", int64(m), got, want)
		}
	}
}
