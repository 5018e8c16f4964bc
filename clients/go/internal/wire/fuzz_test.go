package wire

import (
	"bytes"
	"math"
	"runtime/metrics"
	"testing"
)

// allowance is what decoding n bytes may allocate: a string of one byte costs
// its 16-byte header, and a fixed part for the call, its closures and error.
func allowance(n int) uint64 { return 32<<10 + 24*uint64(n) }

// cost is what decoding b allocates. The runtime counts small objects by the
// page, whoever made them, so a figure that is too high is measured again.
func cost(d document, b []byte) uint64 {
	least := uint64(math.MaxUint64)
	for range 5 {
		before := allocated()
		_, _ = d.decode(b)
		if least = min(least, allocated()-before); least <= allowance(len(b)) {
			break
		}
	}
	return least
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func seed(f *testing.F, names ...string) {
	m := readManifest(f)
	for _, v := range append(m.Valid, m.Rejecting...) {
		for _, name := range names {
			if v.Document == name {
				f.Add(read(f, v.File))
			}
		}
	}
}

// once decodes b as a document and, if that works, checks that what it encodes
// to decodes to the same again.
func once(t *testing.T, d document, b []byte) {
	doc, err := d.decode(b)
	if err != nil {
		return
	}
	canonical := d.encode(doc)
	again, err := d.decode(canonical)
	if err != nil {
		t.Fatalf("%x decodes, but its canonical form %x does not: %v", b, canonical, err)
	}
	if got := d.encode(again); !bytes.Equal(got, canonical) {
		t.Fatalf("the canonical form is not stable: %x, then %x", canonical, got)
	}
}

func FuzzRequests(f *testing.F) {
	fuzz(f, "text-request", "info-request", "cancel-request")
}

func FuzzReplies(f *testing.F) {
	fuzz(f, "text-reply", "info-reply", "error-reply", "alive-frame")
}

func fuzz(f *testing.F, names ...string) {
	seed(f, names...)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range names {
			if n := cost(documents[name], b); n > allowance(len(b)) {
				t.Fatalf("%d bytes made the decoder of %s allocate %d", len(b), name, n)
			}
			once(t, documents[name], b)
		}
	})
}

func TestHostileDocumentsAllocateInProportionToTheirSize(t *testing.T) {
	const size = 1 << 20
	lead := map[string][]byte{
		"empty texts":    append([]byte("\x81\xa6inputs\xdd\x00\x0f\xff\x00"), bytes.Repeat([]byte{0xa0}, 0x0fff00)...),
		"equal keys":     append([]byte("\x81\xa4meta\xdf\x00\x07\xff\x00"), bytes.Repeat([]byte{0xa0, 0xc0}, 0x07ff00)...),
		"nested claims":  bytes.Repeat([]byte("\xdf\x00\x07\x00\x00\xa1a"), 16),
		"one long claim": append([]byte("\x81\xa6inputs\xdd\xff\xff\xff\xff"), make([]byte, size)...),
		"tokens":         append([]byte("\x81\xa6tokens\xdd\x00\x0f\xff\x00"), make([]byte, 0x0fff00)...),
		"errors":         append([]byte("\x81\xa6errors\xdd\x00\x0f\xff\x00"), bytes.Repeat([]byte{0x80}, 0x0fff00)...),
		"rows":           append([]byte("\x81\xaaembeddings\x81\xa4rows\xdd\x00\x0f\xff\x00"), bytes.Repeat([]byte{0x90}, 0x0fff00)...),
	}
	for name, b := range lead {
		for doc, d := range documents {
			if n := cost(d, b); n > allowance(len(b)) {
				t.Errorf("%s: %d bytes made the decoder of %s allocate %d", name, len(b), doc, n)
			}
		}
	}
}
