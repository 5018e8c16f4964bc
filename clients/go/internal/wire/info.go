package wire

// InfoRequest asks what a model is. It has no keys; an empty body means the
// same.
type InfoRequest struct{}

// AppendInfoRequest appends the canonical bytes of the request.
func AppendInfoRequest(b []byte, _ *InfoRequest) []byte { return appendMapHeader(b, 0) }

// DecodeInfoRequest reads a request. Its error is a *[DecodeError].
func DecodeInfoRequest(b []byte) (*InfoRequest, error) {
	if len(b) > 0 {
		err := decode(b, CodeInvalidRequest, func(r *reader) { r.fields("", true, nil) })
		if err != nil {
			return nil, err
		}
	}
	return &InfoRequest{}, nil
}

// ModelLimits are the bounds one worker sets on requests for a model.
type ModelLimits struct {
	MaxInputs        uint32
	MaxInputBytes    uint32
	MaxMetaBytes     uint32
	MaxPartBytes     uint32
	DefaultTimeoutMs uint32
	MaxTimeoutMs     uint32
}

// ImageLimits are the bounds one worker sets on images.
type ImageLimits struct {
	MaxImages          uint32
	MaxImageBytes      uint32
	MaxImageMegapixels uint32
}

// InfoReply says what a model is and what its worker allows.
type InfoReply struct {
	Op         string
	Model      string
	Space      string
	Instance   string
	Version    string
	Dimensions uint32 // 0 when absent: the model makes no dense vectors
	MaxTokens  uint32
	Pooling    string
	Normalized bool
	Encodings  []string
	Features   []string
	Prompts    []string
	Matryoshka []uint32 // lengths to which vectors can well be cut; nil when absent
	Aliases    []string
	License    string
	Source     string
	Limits     ModelLimits
	Outputs    []string     // of a joint model; nil when absent
	ScoreKind  *string      // of a rerank model
	Images     *ImageLimits // of an image model
}

// AppendInfoReply appends the canonical bytes of the reply.
func AppendInfoReply(b []byte, t *InfoReply) []byte {
	b = appendMapHeader(b, count(15, t.Dimensions > 0, len(t.Matryoshka) > 0, t.Outputs != nil, t.ScoreKind != nil, t.Images != nil))
	b = appendStr(appendStr(b, "op"), t.Op)
	b = appendStr(appendStr(b, "model"), t.Model)
	b = appendStr(appendStr(b, "space"), t.Space)
	b = appendStr(appendStr(b, "instance"), t.Instance)
	b = appendStr(appendStr(b, "version"), t.Version)
	if t.Dimensions > 0 {
		b = appendUint(appendStr(b, "dimensions"), uint64(t.Dimensions))
	}
	b = appendUint(appendStr(b, "max_tokens"), uint64(t.MaxTokens))
	b = appendStr(appendStr(b, "pooling"), t.Pooling)
	b = appendBool(appendStr(b, "normalized"), t.Normalized)
	b = appendStrs(appendStr(b, "encodings"), t.Encodings)
	b = appendStrs(appendStr(b, "features"), t.Features)
	b = appendStrs(appendStr(b, "prompts"), t.Prompts)
	if len(t.Matryoshka) > 0 {
		b = appendUints(appendStr(b, "matryoshka"), t.Matryoshka)
	}
	b = appendStrs(appendStr(b, "aliases"), t.Aliases)
	b = appendStr(appendStr(b, "license"), t.License)
	b = appendStr(appendStr(b, "source"), t.Source)
	b = appendMapHeader(appendStr(b, "limits"), 6)
	b = appendUint(appendStr(b, "max_inputs"), uint64(t.Limits.MaxInputs))
	b = appendUint(appendStr(b, "max_input_bytes"), uint64(t.Limits.MaxInputBytes))
	b = appendUint(appendStr(b, "max_meta_bytes"), uint64(t.Limits.MaxMetaBytes))
	b = appendUint(appendStr(b, "max_part_bytes"), uint64(t.Limits.MaxPartBytes))
	b = appendUint(appendStr(b, "default_timeout_ms"), uint64(t.Limits.DefaultTimeoutMs))
	b = appendUint(appendStr(b, "max_timeout_ms"), uint64(t.Limits.MaxTimeoutMs))
	if t.Outputs != nil {
		b = appendStrs(appendStr(b, "outputs"), t.Outputs)
	}
	b = appendOption(b, "score_kind", t.ScoreKind, appendStr)
	return appendOption(b, "images", t.Images, appendImageLimits)
}

func appendImageLimits(b []byte, l ImageLimits) []byte {
	b = appendMapHeader(b, 3)
	b = appendUint(appendStr(b, "max_images"), uint64(l.MaxImages))
	b = appendUint(appendStr(b, "max_image_bytes"), uint64(l.MaxImageBytes))
	return appendUint(appendStr(b, "max_image_megapixels"), uint64(l.MaxImageMegapixels))
}

// DecodeInfoReply reads a reply. Its error is a *[DecodeError].
func DecodeInfoReply(b []byte) (*InfoReply, error) {
	t := &InfoReply{}
	err := decode(b, CodeInternal, func(r *reader) {
		r.fields("", false, []field{
			{"op", true, func() { t.Op = r.str() }},
			{"model", true, func() { t.Model = r.str() }},
			{"space", true, func() { t.Space = r.str() }},
			{"instance", true, func() { t.Instance = r.str() }},
			{"version", true, func() { t.Version = r.str() }},
			{"dimensions", false, func() { t.Dimensions = r.uint32() }},
			{"max_tokens", true, func() { t.MaxTokens = r.uint32() }},
			{"pooling", true, func() { t.Pooling = r.str() }},
			{"normalized", true, func() { t.Normalized = r.bool() }},
			{"encodings", true, func() { t.Encodings = r.strs() }},
			{"features", true, func() { t.Features = r.strs() }},
			{"prompts", true, func() { t.Prompts = r.strs() }},
			{"matryoshka", false, func() { t.Matryoshka = r.uints() }},
			{"aliases", true, func() { t.Aliases = r.strs() }},
			{"license", true, func() { t.License = r.str() }},
			{"source", true, func() { t.Source = r.str() }},
			{"limits", true, func() { r.limits(&t.Limits) }},
			{"outputs", false, func() { t.Outputs = r.strs() }},
			{"score_kind", false, func() { t.ScoreKind = ptr(r.str()) }},
			{"images", false, func() { t.Images = &ImageLimits{}; r.imageLimits(t.Images) }},
		})
	})
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (r *reader) limits(l *ModelLimits) {
	r.fields("limits.", false, []field{
		{"max_inputs", true, func() { l.MaxInputs = r.uint32() }},
		{"max_input_bytes", true, func() { l.MaxInputBytes = r.uint32() }},
		{"max_meta_bytes", true, func() { l.MaxMetaBytes = r.uint32() }},
		{"max_part_bytes", true, func() { l.MaxPartBytes = r.uint32() }},
		{"default_timeout_ms", true, func() { l.DefaultTimeoutMs = r.uint32() }},
		{"max_timeout_ms", true, func() { l.MaxTimeoutMs = r.uint32() }},
	})
}

func (r *reader) imageLimits(l *ImageLimits) {
	r.fields("images.", false, []field{
		{"max_images", true, func() { l.MaxImages = r.uint32() }},
		{"max_image_bytes", true, func() { l.MaxImageBytes = r.uint32() }},
		{"max_image_megapixels", true, func() { l.MaxImageMegapixels = r.uint32() }},
	})
}
