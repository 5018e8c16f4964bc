package fastembed

import (
	"strings"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// EmbedOption changes how results are computed, for one call or, given to the
// function that opens a model, for all its calls. Not every kind of model takes
// every option; one that it does not take is an [ErrInvalidRequest].
type EmbedOption func(*embedOptions)

type embedOptions struct {
	given               optionSet
	truncate, normalize *bool // nil: the default
	dimensions          int
	prompt              *string
	outputs             []Output
	topN                int
	raw                 *bool
	query               *bool // by QueryEmbed alone
}

// optionSet is some of the options.
type optionSet uint

const (
	optTruncate optionSet = 1 << iota
	optNormalize
	optDimensions
	optPrompt
	optOutputs
	optTopN
	optRawScores

	// takesDense are the options of models that make dense vectors.
	takesDense = optNormalize | optDimensions
)

var optionNames = []string{
	"WithTruncate", "WithNormalize", "WithDimensions", "WithPrompt", "WithOutputs", "WithTopN", "WithRawScores",
}

func (s optionSet) String() string {
	var names []string
	for i, name := range optionNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

func (o embedOptions) with(opts []EmbedOption) embedOptions {
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// refuse returns why a model cannot take the options, or nil.
func (o embedOptions) refuse(info *Info, takes optionSet) error {
	switch beyond := o.given &^ takes; {
	case beyond != 0:
		return newError(wire.CodeInvalidRequest, "a model for op %q does not take %v", info.Op, beyond)
	case o.given&optDimensions != 0 && (o.dimensions < 1 || o.dimensions > info.Dimensions):
		e := newError(wire.CodeInvalidRequest, "%d dimensions are asked for, the model has %d", o.dimensions, info.Dimensions)
		e.Limit = uint64(info.Dimensions)
		return e
	case o.given&optTopN != 0 && o.topN < 1:
		return newError(wire.CodeInvalidRequest, "the best %d are asked for", o.topN)
	default:
		return nil
	}
}

// dims is the length of the vectors that are asked for.
func (o embedOptions) dims(info *Info) int {
	if o.given&optDimensions != 0 {
		return o.dimensions
	}
	return info.Dimensions
}

// WithTruncate says what happens to a text, or a pair of query and document, of
// more tokens than the model takes: true (the default) cuts it, false makes it
// fail with [ErrInputTooLong]. All kinds of models but those of images take it.
func WithTruncate(truncate bool) EmbedOption {
	return func(o *embedOptions) { o.given, o.truncate = o.given|optTruncate, &truncate }
}

// WithNormalize says whether vectors are scaled to unit length. The default is
// true. Vectors that are not lie in a space of their own ([Details].Space):
// between the two, dot products cannot be compared. Models of text and of images
// take it.
func WithNormalize(normalize bool) EmbedOption {
	return func(o *embedOptions) { o.given, o.normalize = o.given|optNormalize, &normalize }
}

// WithDimensions keeps only so many leading numbers of each vector, which is then
// scaled to unit length again unless WithNormalize(false) says otherwise. It is
// from 1 to [Info].Dimensions; what the model was trained for is in
// [Info].Matryoshka, and other lengths lose more. Vectors that were cut lie in a
// space of their own. Models of text and of images take it.
func WithDimensions(dimensions int) EmbedOption {
	return func(o *embedOptions) { o.given, o.dimensions = o.given|optDimensions, dimensions }
}

// WithPrompt puts one of the model's own texts before every input: one of
// [Info].Prompts, such as "query" or "passage"; another is an
// [ErrInvalidRequest]. Vectors of different prompts are of one space, as what
// asks is compared with what is searched. Models of text take it.
func WithPrompt(name string) EmbedOption {
	return func(o *embedOptions) { o.given, o.prompt = o.given|optPrompt, &name }
}

// WithOutputs says which kinds of vectors are wanted of a joint model. The
// default is all; fewer cost less to carry, and ColBERT's are by far the most.
func WithOutputs(outputs ...Output) EmbedOption {
	return func(o *embedOptions) { o.given, o.outputs = o.given|optOutputs, outputs }
}

// WithTopN keeps the n best documents of a reranking, from 1. The default is all.
func WithTopN(n int) EmbedOption {
	return func(o *embedOptions) { o.given, o.topN = o.given|optTopN, n }
}

// WithRawScores leaves a cross-encoder's scores as the model gives them
// ([ScoreLogit]) in place of 0 to 1 ([ScoreSigmoid]). It has no effect on
// [ScoreCosine]. Rerankers take it.
func WithRawScores(raw bool) EmbedOption {
	return func(o *embedOptions) { o.given, o.raw = o.given|optRawScores, &raw }
}
