package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime/metrics"
	"strings"
	"testing"
)

// allowance is what decoding n bytes may allocate in all, freed or not.
func allowance(n int) uint64 { return 1<<20 + 4*uint64(n) }

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
	fuzz(f, "text-request", "info-request", "cancel-request", "admin-request", "sparse-request", "image-request", "rerank-request", "joint-request")
}

func FuzzReplies(f *testing.F) {
	fuzz(f, "text-reply", "info-reply", "error-reply", "alive-frame", "admin-reply", "sparse-reply", "image-reply", "rerank-reply", "joint-reply")
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
	const size = 1 << 18
	array := func(entry string) string {
		n := size / len(entry)
		return "\xdd" + be32(n) + strings.Repeat(entry, n)
	}
	const itemError = "\x84\xa5index\x00\xa4code\x00\xa4name\xa0\xa7message\xa0"
	values := map[string]string{
		"empty texts":       array("\xa0"),
		"texts of a letter": array("\xa1a"),
		"numbers":           array("\x01"),
		"marks":             array("\xc2"),
		"empty maps":        array("\x80"),
		"empty rows":        array("\x90"),
		"rows of a number":  array("\x91\xca\x00\x00\x00\x00"),
		"one row":           "\x91" + array("\xca\x00\x00\x00\x00"),
		"item errors":       array(itemError),
		"equal keys":        "\xdf" + be32(size/2) + strings.Repeat("\xa0\xc0", size/2),
		"unequal keys":      unequalKeys(size / 5),
		"nested claims":     strings.Repeat("\xdf\x00\x07\x00\x00\xa1a", 14) + strings.Repeat("\x01", size),
		"one long claim":    "\xdd\xff\xff\xff\xff",
		"control text":      "\xdb" + be32(size) + strings.Repeat("\x01", size),
		"bytes":             "\xc6" + be32(size) + strings.Repeat("\x00", size),
	}
	// Where values lie, and in which documents somebody reads them there.
	texts := []string{"text-request", "sparse-request", "joint-request"}
	dense := []string{"text-reply", "image-reply", "joint-reply"}
	places := map[string][]string{
		"\x81\xa6inputs": texts, "\x81\xa9documents": {"rerank-request"}, "\x81\xa7outputs": {"joint-request", "info-reply"},
		"\x81\xa6images": {"image-request", "info-reply"}, "\x81\xa7objects": {"image-request"}, "\x81\xa8attempts": {"cancel-request"},
		"\x81\xa4meta": {"text-request", "text-reply"}, "\x81\xa6prompt": {"text-request"}, "\x81\xa8encoding": {"text-request", "image-request"},
		"\x81\xa9normalize": {"text-request"}, "\x81\xa7unknown": {"text-request", "text-reply", "info-reply"},
		"\x81\xaaembeddings": dense, "\x81\xaaembeddings\x81\xa4rows": dense, "\x81\xaaembeddings\x81\xa4data": dense,
		"\x81\xa6tokens": {"text-reply", "rerank-reply"}, "\x81\xa9truncated": {"text-reply"}, "\x81\xa6errors": {"text-reply"},
		"\x81\xa7aliases": {"info-reply"}, "\x81\xa7message": {"error-reply"}, "\x81\xa7results": {"rerank-reply"},
		"\x81\xa6sparse": {"sparse-reply", "joint-reply"}, "\x81\xa6sparse\x81\xa7offsets": {"sparse-reply"},
		"\x81\xa6sparse\x81\xa7indices": {"sparse-reply"}, "\x81\xa7colbert\x81\xa4data": {"joint-reply"},
	}
	for place, readers := range places {
		for name, value := range values {
			b := []byte(place + value)
			for _, doc := range readers {
				if n := cost(documents[doc], b); n > allowance(len(b)) {
					t.Errorf("%.12q: %s: %d bytes made the decoder of %s allocate %d", place, name, len(b), doc, n)
				}
			}
		}
	}
}

// unequalKeys is a map of n keys of three bytes, each with a number.
func unequalKeys(n int) string {
	b := []byte("\xdf" + be32(n))
	for i := range n {
		b = append(b, 0xa3, byte(i&0x7f), byte(i>>7&0x7f), byte(i>>14&0x7f), 1)
	}
	return string(b)
}

func be32(n int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(n))) }

func TestVectorsAllocateInProportionToTheirSize(t *testing.T) {
	m := readManifest(t)
	for _, v := range append(m.Valid, m.Rejecting...) {
		b := read(t, v.File)
		if n := cost(documents[v.Document], b); n > allowance(len(b)) {
			t.Errorf("%s: %d bytes made its decoder allocate %d", v.File, len(b), n)
		}
	}
}
