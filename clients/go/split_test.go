package fastembed

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

func TestSplitKeepsOrderBoundsAndEveryText(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		texts := make([]string, random.IntN(200))
		for i := range texts {
			texts[i] = strings.Repeat("x", random.IntN(1<<random.IntN(12)))
			if random.IntN(50) == 0 {
				texts[i] += "\xff"
			}
		}
		space := "S:1"
		doc := wire.TextRequest{Space: &space}
		b := bounds{
			items: 1 + random.IntN(64), itemBytes: 1 + random.IntN(2000), bodyBytes: 64 + random.IntN(4000),
			fixed: len(wire.AppendTextRequest(nil, &doc)) + 4,
		}
		chunks, failed := split(len(texts), measureTexts(texts), b)
		seen := make([]int, len(texts))
		last := -1
		for _, chunk := range chunks {
			if len(chunk) == 0 || len(chunk) > b.items {
				t.Fatalf("a chunk has %d texts, %d are allowed", len(chunk), b.items)
			}
			doc.Inputs = nil
			for _, at := range chunk {
				if at <= last {
					t.Fatalf("text %d follows text %d", at, last)
				}
				last = at
				seen[at]++
				doc.Inputs = append(doc.Inputs, texts[at])
			}
			if n := len(wire.AppendTextRequest(nil, &doc)); n > b.bodyBytes {
				t.Fatalf("a request has %d bytes, %d are allowed", n, b.bodyBytes)
			}
		}
		for _, item := range failed {
			seen[item.Index]++
			if !errors.Is(item, ErrPayloadTooLarge) && !errors.Is(item, ErrInvalidRequest) {
				t.Fatal(item)
			}
		}
		for i, n := range seen {
			if n != 1 {
				t.Fatalf("text %d is accounted for %d times", i, n)
			}
		}
	}
}

func TestSplitFillsRequests(t *testing.T) {
	texts := make([]string, 1000)
	chunks, failed := split(len(texts), measureTexts(texts), bounds{items: 64, itemBytes: 10, bodyBytes: 1000, fixed: 20})
	if len(chunks) != 16 || len(failed) != 0 {
		t.Errorf("%d requests, %d failures", len(chunks), len(failed))
	}
}
