package fastembed

import (
	"context"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// TextEmbedding turns texts into vectors with one model of the fleet. All its
// vectors are of one space. It is safe for concurrent use.
type TextEmbedding struct{ model }

// NewTextEmbedding asks the fleet for a model and returns an embedding that
// uses it. It costs one round trip. The options become the defaults of every
// call.
//
// The name is the one the model is served under, such as "AllMiniLML6V2"; a hub
// name such as "BAAI/bge-small-en-v1.5" is none ([ErrInvalidRequest]), as only
// the workers know which of their models has it for an alias; see
// [Info.Aliases]. If no worker serves the model the error is
// [ErrModelNotFound], at once. Other errors are those of [TextEmbedding.Embed].
func (c *Client) NewTextEmbedding(ctx context.Context, name string, opts ...EmbedOption) (*TextEmbedding, error) {
	t := &TextEmbedding{}
	if err := c.open(ctx, &t.model, wire.OpText, name, takesDense|optTruncate|optPrompt, opts); err != nil {
		return nil, err
	}
	return t, nil
}

// Dimensions returns the length of the vectors.
func (t *TextEmbedding) Dimensions() int { return t.info.Dimensions }

// MaxTokens returns the length, in tokens, that texts are truncated to.
func (t *TextEmbedding) MaxTokens() int { return t.info.MaxTokens }
