package wire

// ItemError says why one input has no result.
type ItemError struct {
	Index   uint32
	Code    uint32
	Name    string
	Message string
}

// Timings are the microseconds a request spent in each stage of a worker.
type Timings struct {
	Wait, Tokenize, Queue, Infer, Total uint64
}

// Reply is what the replies of all operations have beside their results.
type Reply struct {
	Model     string
	Space     string
	Instance  string
	Tokens    []uint32 // of each input; an image has none
	Truncated []bool   // of each input; an image has none
	Errors    []ItemError
	TimingsUs Timings
	Meta      []byte // an encoded map; nil when absent
}

// Common returns the reply itself, whatever it is embedded in.
func (t *Reply) Common() *Reply { return t }

// appendHead appends the keys before the result; results is how many keys it
// and the counts of tokens take.
func (t *Reply) appendHead(b []byte, results int) []byte {
	b = appendMapHeader(b, count(4+results, len(t.Errors) > 0, t.Meta != nil))
	b = appendStr(appendStr(b, "model"), t.Model)
	b = appendStr(appendStr(b, "space"), t.Space)
	return appendStr(appendStr(b, "instance"), t.Instance)
}

// appendTokens appends what is there of texts only.
func (t *Reply) appendTokens(b []byte) []byte {
	b = appendUints(appendStr(b, "tokens"), t.Tokens)
	b = appendArrayHeader(appendStr(b, "truncated"), len(t.Truncated))
	for _, v := range t.Truncated {
		b = appendBool(b, v)
	}
	return b
}

// appendTail appends the keys that end every reply.
func (t *Reply) appendTail(b []byte) []byte {
	if len(t.Errors) > 0 {
		b = appendArrayHeader(appendStr(b, "errors"), len(t.Errors))
		for _, e := range t.Errors {
			b = appendMapHeader(b, 4)
			b = appendUint(appendStr(b, "index"), uint64(e.Index))
			b = appendUint(appendStr(b, "code"), uint64(e.Code))
			b = appendStr(appendStr(b, "name"), e.Name)
			b = appendStr(appendStr(b, "message"), e.Message)
		}
	}
	b = appendMapHeader(appendStr(b, "timings_us"), 5)
	b = appendUint(appendStr(b, "wait"), t.TimingsUs.Wait)
	b = appendUint(appendStr(b, "tokenize"), t.TimingsUs.Tokenize)
	b = appendUint(appendStr(b, "queue"), t.TimingsUs.Queue)
	b = appendUint(appendStr(b, "infer"), t.TimingsUs.Infer)
	b = appendUint(appendStr(b, "total"), t.TimingsUs.Total)
	if t.Meta != nil {
		b = append(appendStr(b, "meta"), t.Meta...)
	}
	return b
}

// reply reads a document of which result has the keys that others lack.
func (r *reader) reply(t *Reply, result ...field) {
	r.fields("", false, append(result, []field{
		{"model", true, func() { t.Model = r.str() }},
		{"space", true, func() { t.Space = r.str() }},
		{"instance", true, func() { t.Instance = r.str() }},
		{"errors", false, func() { t.Errors = r.itemErrors() }},
		{"timings_us", true, func() { r.timings(&t.TimingsUs) }},
		{"meta", false, func() { t.Meta = r.meta() }},
	}...))
}

// ofTexts adds the counts of tokens to the keys of a result.
func (r *reader) ofTexts(t *Reply, required bool, result ...field) []field {
	return append(result, []field{
		{"tokens", required, func() { t.Tokens = r.uints() }},
		{"truncated", required, func() {
			t.Truncated = make([]bool, r.entries())
			for i := range t.Truncated {
				t.Truncated[i] = r.bool()
			}
		}},
	}...)
}

// counts compares what a reply says about its number of rows.
func (r *reader) counts(t *Reply, rows uint32) {
	if n := uint64(len(t.Tokens)); n != uint64(rows) {
		r.fail("tokens has %d entries for %d rows", n, rows)
	}
	if n := uint64(len(t.Truncated)); n != uint64(rows) {
		r.fail("truncated has %d entries for %d rows", n, rows)
	}
}

func (r *reader) itemErrors() []ItemError {
	list := make([]ItemError, r.entries())
	var e ItemError
	fields := []field{
		{"index", true, func() { e.Index = r.uint32() }},
		{"code", true, func() { e.Code = r.uint32() }},
		{"name", true, func() { e.Name = r.str() }},
		{"message", true, func() { e.Message = r.str() }},
	}
	for i := range list {
		if r.fields("errors.", false, fields); r.err != nil {
			return nil
		}
		list[i] = e
	}
	return list
}

func (r *reader) timings(t *Timings) {
	r.fields("timings_us.", false, []field{
		{"wait", true, func() { t.Wait = r.uint64() }},
		{"tokenize", true, func() { t.Tokenize = r.uint64() }},
		{"queue", true, func() { t.Queue = r.uint64() }},
		{"infer", true, func() { t.Infer = r.uint64() }},
		{"total", true, func() { t.Total = r.uint64() }},
	})
}
