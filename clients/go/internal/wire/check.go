package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// span is a piece of the document: b[from:to].
type span struct{ from, to uint32 }

// checker walks a document without building anything but the list of the keys
// of the maps it is inside of.
type checker struct {
	b    []byte
	pos  int
	keys []span
}

var (
	errTruncated = errors.New("the document ends too early")
	errTooLarge  = errors.New("the document is larger than 4 GiB")
)

// check is the structural pass: one whole map, every length within the bytes
// that remain, nesting within [MaxDepth], str keys without duplicates, valid
// UTF-8, finite floats, no extension types and no nil as a top-level value.
func check(b []byte) error {
	if uint64(len(b)) > math.MaxUint32 {
		return errTooLarge
	}
	if len(b) == 0 {
		return errors.New("the document is empty")
	}
	c := checker{b: b}
	if !isMap(b[0]) {
		return fmt.Errorf("the document is %s, not a map", kind(b[0]))
	}
	if err := c.value(1); err != nil {
		return err
	}
	if c.pos != len(b) {
		return fmt.Errorf("%d bytes follow the document", len(b)-c.pos)
	}
	return nil
}

// take returns the next n bytes; n comes from the document and is compared
// before it is used.
func (c *checker) take(n uint64) ([]byte, error) {
	if n > uint64(len(c.b)-c.pos) {
		return nil, errTruncated
	}
	from := c.pos
	c.pos += int(n)
	return c.b[from:c.pos], nil
}

func (c *checker) length(size int) (uint64, error) {
	b, err := c.take(uint64(size))
	if err != nil {
		return 0, err
	}
	return bigEndian(b), nil
}

// value checks one value; a container found here lies at the given depth.
func (c *checker) value(depth int) error {
	lead, err := c.take(1)
	if err != nil {
		return err
	}
	h := head(lead[0])
	n := uint64(h.fixed)
	if h.size > 0 {
		if n, err = c.length(h.size); err != nil {
			return err
		}
	}
	switch h.kind {
	case kindNil, kindBool:
		return nil
	case kindInt:
		_, err = c.take(n)
		return err
	case kindFloat:
		return c.float(n)
	case kindStr:
		s, err := c.take(n)
		if err == nil && !utf8.Valid(s) {
			err = errors.New("a string is not valid UTF-8")
		}
		return err
	case kindBin:
		_, err = c.take(n)
		return err
	case kindArray:
		return c.array(n, depth)
	case kindMap:
		return c.mapping(n, depth)
	case kindExt:
		return errors.New("extension types are not used")
	default:
		return fmt.Errorf("byte 0x%02x starts no value", lead[0])
	}
}

func (c *checker) float(size uint64) error {
	b, err := c.take(size)
	if err != nil {
		return err
	}
	var f float64
	if size == 4 {
		f = float64(math.Float32frombits(binary.BigEndian.Uint32(b)))
	} else {
		f = math.Float64frombits(binary.BigEndian.Uint64(b))
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return errors.New("a float is not finite")
	}
	return nil
}

func (c *checker) array(n uint64, depth int) error {
	if depth > MaxDepth {
		return errDepth()
	}
	if n > uint64(len(c.b)-c.pos) {
		return errTruncated
	}
	for range n {
		if err := c.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) mapping(n uint64, depth int) error {
	if depth > MaxDepth {
		return errDepth()
	}
	if 2*n > uint64(len(c.b)-c.pos) {
		return errTruncated
	}
	mine := len(c.keys)
	for range n {
		if err := c.key(); err != nil {
			return err
		}
		if depth == 1 && c.pos < len(c.b) && c.b[c.pos] == 0xc0 {
			k := c.keys[len(c.keys)-1]
			return fmt.Errorf("%s is nil; leave the key out instead", quote(c.b[k.from:k.to]))
		}
		if err := c.value(depth + 1); err != nil {
			return err
		}
	}
	if err := c.distinct(c.keys[mine:]); err != nil {
		return err
	}
	c.keys = c.keys[:mine]
	return nil
}

func (c *checker) key() error {
	if c.pos < len(c.b) && head(c.b[c.pos]).kind != kindStr {
		return fmt.Errorf("a map key is %s, not a string", kind(c.b[c.pos]))
	}
	from := c.pos
	if err := c.value(MaxDepth + 1); err != nil {
		return err
	}
	from += headerSize(c.b[from])
	c.keys = growTwice(c.keys, 1)
	c.keys = append(c.keys, span{uint32(from), uint32(c.pos)})
	return nil
}

// distinct sorts the keys of one map by their bytes, so that equal ones meet:
// the cost stays n log n whatever the sender chose.
func (c *checker) distinct(keys []span) error {
	text := func(s span) []byte { return c.b[s.from:s.to] }
	slices.SortFunc(keys, func(x, y span) int { return bytes.Compare(text(x), text(y)) })
	for i := 1; i < len(keys); i++ {
		if bytes.Equal(text(keys[i-1]), text(keys[i])) {
			return fmt.Errorf("key %s appears twice", quote(text(keys[i])))
		}
	}
	return nil
}

func errDepth() error {
	return fmt.Errorf("maps and arrays are nested deeper than %d", MaxDepth)
}

// quote shows a key in a message, cut short if the sender made it long.
func quote(key []byte) string {
	const most = 64
	if len(key) > most {
		return fmt.Sprintf("%q…", key[:most])
	}
	return fmt.Sprintf("%q", key)
}

// growTwice makes room for n more elements, at least doubling: all the growth
// of a list together then stays within twice its final size, which append does
// not promise.
func growTwice[T any](list []T, n int) []T {
	if cap(list)-len(list) >= n {
		return list
	}
	return slices.Grow(list, max(n, len(list), 16))
}
