package fastembed

import (
	"unicode/utf8"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// defaultBatch is the most texts of a request when the caller leaves the choice
// to the client: enough that the cost of a request vanishes beside computing
// it. No more, because a server deals requests out by chance: of many small ones
// each worker gets its share, of a few large ones it may get none.
const defaultBatch = 16

// chunk is the inputs of one request: their positions in the caller's slice.
type chunk []int

// bounds are what a request must stay within.
type bounds struct {
	items     int // inputs in a request
	itemBytes int // bytes of an input
	bodyBytes int // bytes of an encoded request
	// A request of more than one input stays below this: a worker counts a byte
	// as a token until it has tokenized, and several requests should find room
	// in its queue. 0 is no bound.
	fullBytes int
	besides   int // bytes that count towards fullBytes with each input
	fixed     int // bytes of an encoded request without inputs
}

// measure returns how many bytes an input takes in a request, or why it can be
// in none.
type measure func(b bounds, i int) (int, *Error)

// measureTexts measures texts.
func measureTexts(texts []string) measure {
	return func(b bounds, i int) (int, *Error) {
		size, e := b.fit("text", len(texts[i]), wire.StrSize)
		if e == nil && !utf8.ValidString(texts[i]) {
			e = newError(wire.CodeInvalidRequest, "the text is not valid UTF-8")
		}
		return size, e
	}
}

// split packs n inputs, in order, into as few requests as the bounds allow. An
// input that no request can carry is left out and becomes an item error, without
// being sent: it would take those beside it down.
func split(n int, of measure, b bounds) (chunks []chunk, failed []ItemError) {
	order := make([]int, 0, n)
	body, full, from := b.fixed, b.fixed, 0
	flush := func() {
		if from < len(order) {
			chunks = append(chunks, chunk(order[from:len(order):len(order)]))
		}
		body, full, from = b.fixed, b.fixed, len(order)
	}
	for i := range n {
		size, e := of(b, i)
		if e != nil {
			failed = append(failed, ItemError{Index: i, Err: e})
			continue
		}
		over := b.fullBytes > 0 && full+size+b.besides > b.fullBytes
		if over || len(order)-from == b.items || body+size > b.bodyBytes {
			flush()
		}
		order = append(order, i)
		body, full = body+size, full+size+b.besides
	}
	flush()
	return chunks, failed
}

// fit returns the encoded size of an input of n bytes, or why it can be in no
// request.
func (b bounds) fit(what string, n int, encoded func(int) int) (int, *Error) {
	size := encoded(n)
	if n <= b.itemBytes && b.fixed+size <= b.bodyBytes {
		return size, nil
	}
	// The head of the longest kind takes five bytes.
	most := max(0, min(b.itemBytes, b.bodyBytes-b.fixed-5))
	e := newError(wire.CodePayloadTooLarge, "the %s has %d bytes, a request carries %d", what, n, most)
	e.Limit = uint64(most)
	return 0, e
}
