package fastembed

import (
	"unicode/utf8"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// defaultBatch is the most texts of a request when the caller leaves the choice
// to the client: enough that the cost of a request vanishes beside computing
// it, few enough that a call spreads over the fleet.
const defaultBatch = 64

// chunk is the texts of one request: their positions in the caller's slice.
type chunk []int

// bounds are what a request must stay within.
type bounds struct {
	texts     int // texts in a request
	textBytes int // bytes of UTF-8 in a text
	bodyBytes int // bytes of an encoded request
	// A request of more than one text stays below this: a worker counts a byte
	// as a token until it has tokenized, and several requests should find room
	// in its queue. 0 is no bound.
	fullBytes int
	fixed     int // bytes of an encoded request without texts
}

// split packs texts, in order, into as few requests as the bounds allow. A text
// that no request can carry is left out and becomes an item error, without
// being sent: it would take the texts beside it down.
func split(texts []string, b bounds) (chunks []chunk, failed []ItemError) {
	order := make([]int, 0, len(texts))
	size, from := b.fixed, 0
	flush := func() {
		if from < len(order) {
			chunks = append(chunks, chunk(order[from:len(order):len(order)]))
		}
		size, from = b.fixed, len(order)
	}
	for i, text := range texts {
		if e := b.refuse(text); e != nil {
			failed = append(failed, ItemError{Index: i, Err: e})
			continue
		}
		n := wire.StrSize(len(text))
		full := b.fullBytes > 0 && size+n > b.fullBytes
		if full || len(order)-from == b.texts || size+n > b.bodyBytes {
			flush()
		}
		order = append(order, i)
		size += n
	}
	flush()
	return chunks, failed
}

// refuse returns why a text can be in no request, or nil.
func (b bounds) refuse(text string) *Error {
	most := min(b.textBytes, b.bodyBytes-b.fixed-wire.StrSize(0)-4)
	switch {
	case len(text) > b.textBytes, b.fixed+wire.StrSize(len(text)) > b.bodyBytes:
		e := newError(wire.CodePayloadTooLarge, "the text has %d bytes, a request carries %d", len(text), most)
		e.Limit = uint64(max(0, most))
		return e
	case !utf8.ValidString(text):
		return newError(wire.CodeInvalidRequest, "the text is not valid UTF-8")
	default:
		return nil
	}
}
