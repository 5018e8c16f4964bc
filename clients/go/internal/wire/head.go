package wire

// The kinds of value a lead byte announces.
const (
	kindInvalid = iota
	kindNil
	kindBool
	kindInt
	kindFloat
	kindStr
	kindBin
	kindArray
	kindMap
	kindExt
)

// header is what a lead byte says: the kind of the value, and either a length
// of so many bytes that follows (size) or the length itself (fixed). For
// numbers the length is that of the number's bytes, for containers the count
// of their elements.
type header struct {
	kind  int
	size  int
	fixed int
}

// head reads a lead byte after
// https://github.com/msgpack/msgpack/blob/master/spec.md.
func head(lead byte) header {
	switch {
	case lead <= 0x7f || lead >= 0xe0:
		return header{kind: kindInt}
	case lead <= 0x8f:
		return header{kind: kindMap, fixed: int(lead & 0x0f)}
	case lead <= 0x9f:
		return header{kind: kindArray, fixed: int(lead & 0x0f)}
	case lead <= 0xbf:
		return header{kind: kindStr, fixed: int(lead & 0x1f)}
	}
	switch lead {
	case 0xc0:
		return header{kind: kindNil}
	case 0xc2, 0xc3:
		return header{kind: kindBool}
	case 0xc4, 0xc5, 0xc6:
		return header{kind: kindBin, size: 1 << (lead - 0xc4)}
	case 0xca, 0xcb:
		return header{kind: kindFloat, fixed: 4 << (lead - 0xca)}
	case 0xcc, 0xcd, 0xce, 0xcf:
		return header{kind: kindInt, fixed: 1 << (lead - 0xcc)}
	case 0xd0, 0xd1, 0xd2, 0xd3:
		return header{kind: kindInt, fixed: 1 << (lead - 0xd0)}
	case 0xd9, 0xda, 0xdb:
		return header{kind: kindStr, size: 1 << (lead - 0xd9)}
	case 0xdc, 0xdd:
		return header{kind: kindArray, size: 2 << (lead - 0xdc)}
	case 0xde, 0xdf:
		return header{kind: kindMap, size: 2 << (lead - 0xde)}
	case 0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return header{kind: kindExt}
	default:
		return header{kind: kindInvalid}
	}
}

func isMap(lead byte) bool { return head(lead).kind == kindMap }

// kind names a value in messages.
func kind(lead byte) string {
	switch head(lead).kind {
	case kindNil:
		return "nil"
	case kindBool:
		return "a boolean"
	case kindInt:
		return "an integer"
	case kindFloat:
		return "a float"
	case kindStr:
		return "a string"
	case kindBin:
		return "bytes"
	case kindArray:
		return "an array"
	case kindMap:
		return "a map"
	case kindExt:
		return "an extension type"
	default:
		return "not a value"
	}
}

// bigEndian reads an unsigned number of 0 to 8 bytes.
func bigEndian(b []byte) uint64 {
	var n uint64
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return n
}
