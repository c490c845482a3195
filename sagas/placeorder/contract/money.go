package contract

import (
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount in ten-thousandths of a pound. It is never a float: prices
// are means with four decimals, and sums of them have to be exact.
type Money int64

// Pound is one pound.
const Pound Money = 10_000

// MaxMoney is the largest amount that is read: far below the 2^53 from which
// on a JSON reader of another language would round.
const MaxMoney = 100_000_000 * Pound

// ParseMoney reads a decimal number of pounds with at most four decimals.
func ParseMoney(text string) (Money, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	switch {
	case whole == "" || !allDigits(whole) || !allDigits(fraction) || point && fraction == "":
		return 0, fmt.Errorf("%.40q is no decimal number", text)
	case len(fraction) > 4:
		return 0, fmt.Errorf("%.40q has more than four decimals", text)
	}
	fraction += strings.Repeat("0", 4-len(fraction))
	n, err := strconv.ParseInt(whole+fraction, 10, 64)
	if err != nil || Money(n) > MaxMoney {
		return 0, fmt.Errorf("%.40q is over %v", text, MaxMoney)
	}
	if negative {
		n = -n
	}
	return Money(n), nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// String writes m for people: £1,234.50, with four decimals where it has them.
func (m Money) String() string {
	sign, n := "", uint64(m)
	if m < 0 {
		sign, n = "-", -n // right for the smallest int64 too
	}
	whole := strconv.FormatUint(n/uint64(Pound), 10)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	fraction := fmt.Sprintf("%04d", n%uint64(Pound))
	if strings.HasSuffix(fraction, "00") {
		fraction = fraction[:2]
	}
	return sign + "£" + whole + "." + fraction
}
