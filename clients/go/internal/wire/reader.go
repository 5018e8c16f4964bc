package wire

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// reader is the typed pass. It runs only over bytes that [check] accepted, so
// it compares types and never lengths. The first mismatch is kept in err, with
// the key it was met under, and every read after it returns a zero value.
type reader struct {
	b   []byte
	pos int
	key string
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// want consumes the header of a value of the given kind and returns its
// length.
func (r *reader) want(k int, name string) (n int, ok bool) {
	if r.err != nil {
		return 0, false
	}
	lead := r.b[r.pos]
	h := head(lead)
	if h.kind != k {
		r.fail("%s is %s, not %s", r.key, kind(lead), name)
		return 0, false
	}
	n = h.fixed
	if h.size > 0 {
		n = int(bigEndian(r.b[r.pos+1 : r.pos+1+h.size]))
	}
	r.pos += 1 + h.size
	return n, true
}

func (r *reader) mapLen() int {
	n, _ := r.want(kindMap, "a map")
	return n
}

func (r *reader) arrayLen() int {
	n, _ := r.want(kindArray, "an array")
	return n
}

func (r *reader) strBytes() []byte {
	n, ok := r.want(kindStr, "a string")
	if !ok {
		return nil
	}
	r.pos += n
	return r.b[r.pos-n : r.pos]
}

func (r *reader) str() string { return string(r.strBytes()) }

// bin returns the bytes in place, not a copy.
func (r *reader) bin() []byte {
	n, ok := r.want(kindBin, "bytes")
	if !ok {
		return nil
	}
	r.pos += n
	return r.b[r.pos-n : r.pos : r.pos]
}

func (r *reader) bool() bool {
	if _, ok := r.want(kindBool, "a boolean"); !ok {
		return false
	}
	return r.b[r.pos-1] == 0xc3
}

func (r *reader) uint(most uint64) uint64 {
	n, ok := r.want(kindInt, "an integer")
	if !ok {
		return 0
	}
	lead := r.b[r.pos-1]
	content := r.b[r.pos : r.pos+n]
	r.pos += n
	v := bigEndian(content)
	switch {
	case lead <= 0x7f:
		v = uint64(lead)
	case lead >= 0xe0, lead >= 0xd0 && lead <= 0xd3 && content[0] >= 0x80:
		r.fail("%s is negative", r.key)
		return 0
	}
	if v > most {
		r.fail("%s is %d, above %d", r.key, v, most)
		return 0
	}
	return v
}

func (r *reader) uint32() uint32 { return uint32(r.uint(math.MaxUint32)) }

func (r *reader) uint64() uint64 { return r.uint(math.MaxUint64) }

// float32 takes single precision only: a double here means that the sender
// rounded twice, or never meant a vector.
func (r *reader) float32() float32 {
	n, ok := r.want(kindFloat, "a float")
	if !ok {
		return 0
	}
	if n != 4 {
		r.fail("%s holds a float64, not a float32", r.key)
		return 0
	}
	r.pos += n
	return math.Float32frombits(binary.BigEndian.Uint32(r.b[r.pos-n : r.pos]))
}

// entries returns the length of a list: a request has at most [MaxInputs]
// texts, so no list of ours is longer. An entry may take one byte here, and
// many times that in a slice.
func (r *reader) entries() int {
	n := r.arrayLen()
	if n > MaxInputs {
		r.fail("%s has %d entries, above %d", r.key, n, MaxInputs)
		return 0
	}
	return n
}

func (r *reader) strs() []string {
	list := make([]string, r.entries())
	for i := range list {
		list[i] = r.str()
	}
	return list
}

func (r *reader) uints() []uint32 {
	list := make([]uint32, r.entries())
	for i := range list {
		list[i] = r.uint32()
	}
	return list
}

// peek returns the bytes of the value at a position that was read before.
func (r *reader) peek(from int) []byte {
	if r.err != nil {
		return nil
	}
	ahead := reader{b: r.b, pos: from}
	return ahead.skip()
}

// skip passes over one value and returns its bytes in place.
func (r *reader) skip() []byte {
	if r.err != nil {
		return nil
	}
	from := r.pos
	for left := 1; left > 0; left-- {
		h := head(r.b[r.pos])
		n := h.fixed
		if h.size > 0 {
			n = int(bigEndian(r.b[r.pos+1 : r.pos+1+h.size]))
		}
		r.pos += 1 + h.size
		switch h.kind {
		case kindArray:
			left += n
		case kindMap:
			left += 2 * n
		default:
			r.pos += n
		}
	}
	return r.b[from:r.pos:r.pos]
}

// field is one key of a document: its name, whether it must be there, and what
// reads its value.
type field struct {
	name     string
	required bool
	read     func()
}

// fields reads one map. A key that no field has is refused when strict and
// skipped otherwise; in stands before the keys in messages.
func (r *reader) fields(in string, strict bool, fields []field) {
	n := r.mapLen()
	var seen uint32
	for range n {
		key := r.strBytes()
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == string(key) })
		switch {
		case r.err != nil:
			return
		case i >= 0:
			seen |= 1 << i
			r.key = in + fields[i].name
			fields[i].read()
		case strict:
			r.fail("unknown key %s", quote(key))
		default:
			r.skip()
		}
	}
	for i, f := range fields {
		if f.required && seen&(1<<i) == 0 {
			r.fail("key %q is missing", in+f.name)
		}
	}
}
