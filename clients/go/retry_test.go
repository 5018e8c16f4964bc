package fastembed

import (
	"errors"
	"testing"
	"time"

	"github.com/fastembed-nats/fastembed-nats/clients/go/internal/wire"
)

// tries counts the attempts that a policy allows for one failure, up to 20.
func tries(p RetryPolicy, err error, left time.Duration) int {
	var h history
	for n := 1; n < 20; n++ {
		if _, again := p.next(&h, err, left); !again {
			return n
		}
	}
	return 20
}

func TestAPauseStaysWithinItsBoundsHoweverManyAttempts(t *testing.T) {
	policy := RetryPolicy{MinWait: time.Minute, MaxWait: time.Minute}
	for attempts := 1; attempts < 100; attempts++ {
		if wait := policy.pause(attempts, 0); wait < 30*time.Second || wait > time.Minute {
			t.Fatalf("attempt %d waits %v", attempts, wait)
		}
	}
}

func TestAWaitThatIsLeftOutIsTheDefault(t *testing.T) {
	var o options
	if err := WithRetry(RetryPolicy{MaxAttempts: 5})(&o); err != nil {
		t.Fatal(err)
	}
	want := DefaultRetryPolicy()
	want.MaxAttempts = 5
	if o.retry != want {
		t.Errorf("%+v, not %+v", o.retry, want)
	}
}

func TestNextFollowsTheRetryWordOfEveryCode(t *testing.T) {
	for _, code := range wire.Codes {
		want := map[string]int{wire.RetryNever: 1, wire.RetryOnce: 2, wire.RetryElsewhere: 20}[code.Retry]
		if code == wire.CodeSpaceMismatch {
			want = maxSpaceAttempts
		}
		if got := tries(DefaultRetryPolicy(), newError(code, ""), time.Hour); got != want {
			t.Errorf("%s: %d attempts, not %d", code.Name, got, want)
		}
		if got := tries(NoRetry(), newError(code, ""), time.Hour); got != 1 {
			t.Errorf("%s without retry: %d attempts", code.Name, got)
		}
	}
}

func TestNextKnowsErrorsWithoutACode(t *testing.T) {
	p := DefaultRetryPolicy()
	if got := tries(p, errConnectionLost, time.Hour); got != 20 {
		t.Errorf("a lost connection: %d attempts", got)
	}
	if got := tries(p, errSilent(time.Second), time.Hour); got != maxSilentAttempts {
		t.Errorf("silence: %d attempts", got)
	}
	if got := tries(NoRetry(), errSilent(time.Second), time.Hour); got != 1 {
		t.Errorf("silence without retry: %d attempts", got)
	}
	if got := tries(p, notConnected(errors.New("closed")), time.Hour); got != 1 {
		t.Errorf("a closed connection: %d attempts", got)
	}
	// A code of a later version brings its own word.
	if got := tries(p, &Error{Name: "new", Retry: RetryElsewhere}, time.Hour); got != 20 {
		t.Errorf("an unknown code: %d attempts", got)
	}
	if got := tries(RetryPolicy{MaxAttempts: 3, MaxWait: time.Second}, newError(wire.CodeOverloaded, ""), time.Hour); got != 3 {
		t.Errorf("three at most: %d attempts", got)
	}
}

func TestPausesGrowStayBoundedAndHonourTheWorkersWish(t *testing.T) {
	p := RetryPolicy{MinWait: 20 * time.Millisecond, MaxWait: time.Second}
	for attempt := 1; attempt < 100; attempt++ {
		base := min(p.MinWait<<min(attempt-1, 20), p.MaxWait)
		for range 100 {
			if got := p.pause(attempt, 0); got < base/2 || got > base {
				t.Fatalf("attempt %d: a pause of %v, base %v", attempt, got, base)
			}
			if got := p.pause(attempt, 3*time.Second); got < 3*time.Second || got > 3750*time.Millisecond {
				t.Fatalf("attempt %d: a pause of %v for a wish of 3 s", attempt, got)
			}
		}
	}
	var h history
	wish := &Error{Retry: RetryElsewhere, RetryAfter: time.Minute}
	if _, again := p.next(&h, wish, time.Second); again {
		t.Error("a pause that outlives the deadline was begun")
	}
}
