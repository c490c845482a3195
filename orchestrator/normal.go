package orchestrator

import (
	"strings"

	"github.com/amends-io/amends/participants/protocol"
)

// Bounds of an error that is written as NormalError does.
const (
	maxNormal = 200 // bytes
	longWord  = 32  // bytes: a longer word was made by a machine
	longUnit  = 3   // letters after a number: 30s, 512KiB
)

// NormalError returns text with what differs from one occurrence to the next
// taken out: "<n>" stands for numbers, "<id>" for words that have a digit, an
// @, or are too long to be words, "<text>" for what is quoted. Hostile text
// does no harm: the result is one short line.
func NormalError(text string) string {
	text = strings.Join(strings.Fields(protocol.Text(text, protocol.MaxReason)), " ")
	var b strings.Builder
	for i := 0; i < len(text); {
		piece, next := text[i:i+1], i+1
		if end := closingQuote(text, i); end > 0 {
			piece, next = "<text>", end
		} else if end := wordEnd(text, i); end > i {
			piece, next = wordClass(text[i:end]), end
		}
		if b.Len()+len(piece) > maxNormal {
			break
		}
		b.WriteString(piece)
		i = next
	}
	return strings.TrimSpace(b.String())
}

// closingQuote returns where the quotation ends that begins at i, or 0. A
// single quote within a word, or behind one, is an apostrophe.
func closingQuote(text string, i int) int {
	quote := text[i]
	if quote != '"' && quote != '\'' && quote != '`' || quote == '\'' && i > 0 && wordByte(text[i-1]) {
		return 0
	}
	for j := i + 1; j < len(text); j++ {
		switch {
		case text[j] == '\\':
			j++
		case text[j] == quote && (quote != '\'' || j+1 == len(text) || !wordByte(text[j+1])):
			return j + 1
		}
	}
	return 0
}

// wordEnd returns where the word that begins at i ends: dashes, points and
// colons within belong to it.
func wordEnd(text string, i int) int {
	for i < len(text) && (wordByte(text[i]) || joins(text, i)) {
		i++
	}
	return i
}

func joins(text string, i int) bool {
	return strings.IndexByte("-.:,+", text[i]) >= 0 && i > 0 && wordByte(text[i-1]) && i+1 < len(text) && wordByte(text[i+1])
}

// wordByte takes every letter beyond ASCII too, so that no letter is cut.
func wordByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '@' || c >= 0x80
}

// wordClass returns word, or what stands for words of its kind.
func wordClass(word string) string {
	digits := strings.ContainsAny(word, "0123456789")
	number := strings.TrimLeft(strings.TrimLeft(word, "£€¥"), "0123456789-.:,+")
	switch {
	case digits && len(number) <= longUnit && !strings.ContainsAny(number, "0123456789"):
		return "<n>"
	case digits, strings.Contains(word, "@"), len(word) > longWord,
		len(word) >= 8 && strings.Trim(word, "abcdefABCDEF") == "":
		return "<id>"
	}
	return word
}
