package test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fastembed-nats/fastembed-nats/clients/go"
	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// refuseLong answers as a worker that finds texts with the word "long" too
// long: rows of zeros and an error each, or the error alone if there is no
// other row.
func refuseLong(_ int, q *question) {
	r := q.reply(0, q.doc.Inputs)
	width := 4 * q.fake.dims
	for i, text := range q.doc.Inputs {
		if strings.Contains(text, "long") {
			clear(r.Embeddings.Data[i*width : (i+1)*width])
			r.Errors = append(r.Errors, wire.ItemError{Index: uint32(i), Code: 422, Name: "input_too_long", Message: "300 tokens, 256 allowed"})
		}
	}
	if len(r.Errors) == len(q.doc.Inputs) {
		limit := uint64(256)
		q.refuse(wire.CodeInputTooLong, func(e *wire.ErrorReply) { e.Limit = &limit })
		return
	}
	q.last(r)
}

// failed returns the indices of a batch error.
func failed(t *testing.T, err error) []int {
	t.Helper()
	var batch *fastembed.BatchError
	if !errors.As(err, &batch) {
		t.Fatalf("got %v", err)
	}
	var at []int
	for _, item := range batch.Items {
		at = append(at, item.Index)
		if item.Err == nil {
			t.Errorf("text %d failed without an error", item.Index)
		}
	}
	return at
}

func TestFailedTextsAreReportedBesideTheVectorsOfTheOthers(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, refuseLong)
	model := newModel(t, newClient(t, s), "Fake")
	for _, batch := range []int{0, 1, 3, 7, 100} {
		t.Run(fmt.Sprint("batch ", batch), func(t *testing.T) {
			texts := numbered(100)
			bad := []int{0, 13, 14, 15, 16, 17, 99} // with batch 3, one request of nothing else
			for _, i := range bad {
				texts[i] = fmt.Sprint("long ", i)
			}
			result, err := model.EmbedDetailed(background(t), texts, batch)
			if got := failed(t, err); !slices.Equal(got, bad) {
				t.Fatalf("texts %v failed", got)
			}
			if !errors.Is(err, fastembed.ErrInputTooLong) || errors.Is(err, fastembed.ErrOverloaded) {
				t.Errorf("got %v", err)
			}
			for i, text := range texts {
				switch got := result.Vectors[i]; {
				case slices.Contains(bad, i):
					if got != nil || result.Tokens[i] != 0 {
						t.Errorf("text %d failed and has a vector", i)
					}
				case !slices.Equal(got, vector(text, f.dims)):
					t.Errorf("the vector of text %d is not its own", i)
				}
			}
		})
	}
}

func TestATextThatNoRequestCanCarryFailsAloneAndIsNotSent(t *testing.T) {
	for _, payload := range payloads {
		t.Run(fmt.Sprint("payload ", payload), func(t *testing.T) {
			s := startServer(t, payload)
			f := startFake(t, s, nil)
			model := newModel(t, newClient(t, s), "Fake")
			texts := numbered(20)
			texts[7] = strings.Repeat("x", 200_000) // above max_input_bytes, and 64 KiB
			texts[9] = "not UTF-8: \xff"
			vectors, err := model.Embed(background(t), texts, 0)
			if got := failed(t, err); !slices.Equal(got, []int{7, 9}) {
				t.Fatalf("texts %v failed", got)
			}
			var batch *fastembed.BatchError
			errors.As(err, &batch)
			if e := batch.Items[0].Err; !errors.Is(e, fastembed.ErrPayloadTooLarge) || e.Wire || e.Limit == 0 || e.Limit > uint64(payload) {
				t.Errorf("got %+v", e)
			}
			if e := batch.Items[1].Err; !errors.Is(e, fastembed.ErrInvalidRequest) || e.Wire {
				t.Errorf("got %+v", e)
			}
			good := slices.Delete(slices.Clone(texts), 7, 10)
			good = slices.Insert(good, 7, texts[8])
			checkVectors(t, good, slices.Concat(vectors[:7], vectors[8:9], vectors[10:]), f.dims)
			for _, q := range f.questions() {
				if slices.Contains(q.doc.Inputs, texts[7]) {
					t.Error("the text was sent")
				}
			}
		})
	}
}

func TestIfNoTextCanBeSentNothingIs(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, nil)
	model := newModel(t, newClient(t, s), "Fake")
	vectors, err := model.Embed(background(t), []string{"\xff", "\xfe"}, 0)
	if got := failed(t, err); !slices.Equal(got, []int{0, 1}) || len(vectors) != 2 {
		t.Errorf("texts %v failed, %d vectors", got, len(vectors))
	}
	if n := len(f.questions()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestNoTextsAndANegativeBatchSizeAreInvalidWithoutARoundTrip(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, nil)
	model := newModel(t, newClient(t, s), "Fake")
	for _, texts := range [][]string{nil, {}} {
		if _, err := model.Embed(background(t), texts, 0); !errors.Is(err, fastembed.ErrInvalidRequest) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := model.Embed(background(t), numbered(1), -1); !errors.Is(err, fastembed.ErrInvalidRequest) {
		t.Errorf("got %v", err)
	}
	if n := len(f.questions()); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}

func TestTheInternalFailureOfALoneTextIsItsOwn(t *testing.T) {
	s := startServer(t, 1<<20)
	f := startFake(t, s, func(_ int, q *question) {
		if q.doc.Inputs[0] == "text number 3" {
			q.refuse(wire.CodeInternal, nil)
		} else {
			q.answer()
		}
	})
	model := newModel(t, newClient(t, s), "Fake")
	texts := numbered(10)
	vectors, err := model.Embed(background(t), texts, 1)
	if got := failed(t, err); !slices.Equal(got, []int{3}) || !errors.Is(err, fastembed.ErrInternal) {
		t.Fatalf("texts %v failed: %v", got, err)
	}
	checkVectors(t, texts[4:], vectors[4:], f.dims)
}
