package fastembed

import (
	"errors"
	"testing"
	"time"
)

// listener is a quiet whose server answers when told to.
func listener(limit time.Duration) (*quiet, chan chan error) {
	asked := make(chan chan error, 100)
	return &quiet{limit: limit, ping: func() <-chan error {
		pong := make(chan error, 1)
		asked <- pong
		return pong
	}}, asked
}

// ticks counts the ticks until the silence is over, up to 1000.
func ticks(s *quiet) int {
	for n := 1; n < 1000; n++ {
		if s.tick() {
			return n
		}
	}
	return 1000
}

func TestSilenceIsOverAfterTheLimitIfTheServerAnswers(t *testing.T) {
	s, asked := listener(60 * connTick)
	for n := range 30 {
		if len(asked) != 0 || s.tick() {
			t.Fatalf("tick %d: over, or asked too early", n)
		}
	}
	(<-asked) <- nil
	// One tick sees the answer, the second half follows it.
	if n := ticks(s); n != 31 {
		t.Errorf("over after %d more ticks", n)
	}
}

func TestSilenceOfTheServerIsNotTheWorkers(t *testing.T) {
	s, asked := listener(60 * connTick)
	if n := ticks(s); n != 1000 {
		t.Errorf("over after %d ticks without an answer", n)
	}
	pong := <-asked
	if len(asked) != 0 {
		t.Errorf("asked %d times more", len(asked))
	}
	pong <- errors.New("broken")
	s.tick()
	s.tick()
	(<-asked) <- nil
	if n := ticks(s); n != 31 {
		t.Errorf("over after %d more ticks", n)
	}
}

func TestAFrameBreaksTheSilence(t *testing.T) {
	s, asked := listener(60 * connTick)
	for range 50 {
		for range 20 { // a frame each second
			if s.tick() {
				t.Fatal("a worker that gives signs of life was taken for dead")
			}
		}
		s.heard()
	}
	if len(asked) != 0 {
		t.Errorf("the server was asked %d times", len(asked))
	}
	for range 30 {
		s.tick()
	}
	late := <-asked
	s.heard()
	late <- nil // counts for nothing any more
	for range 30 {
		if s.tick() {
			t.Fatal("over before the limit")
		}
	}
	if len(asked) != 1 {
		t.Errorf("the server was asked %d times", len(asked))
	}
}

func TestSilenceWithoutALimitMeansNothing(t *testing.T) {
	s, asked := listener(0)
	if n := ticks(s); n != 1000 || len(asked) != 0 {
		t.Errorf("over after %d ticks, asked %d times", n, len(asked))
	}
}
