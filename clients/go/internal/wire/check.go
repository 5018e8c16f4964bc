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

// checker walks a document without building anything but the lists of where
// the keys of the maps are that it is inside of.
type checker struct {
	b    []byte
	pos  int
	owed uint64 // bytes that the maps and arrays it is inside of still need at the least
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

// enter opens a map or an array of n values. All claims have to fit together:
// sixteen nested ones of the whole rest each do not.
func (c *checker) enter(n uint64, depth int) error {
	if depth > MaxDepth {
		return errDepth()
	}
	c.owed += n
	if c.owed > uint64(len(c.b)-c.pos) {
		return errTruncated
	}
	return nil
}

func (c *checker) array(n uint64, depth int) error {
	if err := c.enter(n, depth); err != nil {
		return err
	}
	for range n {
		c.owed--
		if err := c.value(depth + 1); err != nil {
			return err
		}
	}
	return nil
}

// mapping keeps four bytes for each key: twice the size of the document at
// most, since an entry takes two bytes or more.
func (c *checker) mapping(n uint64, depth int) error {
	if err := c.enter(2*n, depth); err != nil {
		return err
	}
	keys := make([]uint32, n)
	for i := range keys {
		c.owed -= 2
		keys[i] = uint32(c.pos)
		if err := c.key(); err != nil {
			return err
		}
		if depth == 1 && c.pos < len(c.b) && c.b[c.pos] == 0xc0 {
			return fmt.Errorf("%s is nil; leave the key out instead", quote(c.text(keys[i])))
		}
		if err := c.value(depth + 1); err != nil {
			return err
		}
	}
	return c.distinct(keys)
}

func (c *checker) key() error {
	if c.pos < len(c.b) && head(c.b[c.pos]).kind != kindStr {
		return fmt.Errorf("a map key is %s, not a string", kind(c.b[c.pos]))
	}
	return c.value(MaxDepth + 1)
}

// text returns the content of the key at a position where one was read.
func (c *checker) text(at uint32) []byte {
	r := reader{b: c.b, pos: int(at)}
	return r.strBytes()
}

// distinct sorts the keys of one map by their bytes, so that equal ones meet:
// the cost stays n log n whatever the sender chose.
func (c *checker) distinct(keys []uint32) error {
	slices.SortFunc(keys, func(x, y uint32) int { return bytes.Compare(c.text(x), c.text(y)) })
	for i := 1; i < len(keys); i++ {
		if key := c.text(keys[i]); bytes.Equal(c.text(keys[i-1]), key) {
			return fmt.Errorf("key %s appears twice", quote(key))
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
