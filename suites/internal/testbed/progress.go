package testbed

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Progress hears what the testbed is at. Phases overlap. Its methods are called from several goroutines at a time.
type Progress interface {
	Begin(phase string)
	// Detail is news from inside a phase, one line. Newer news may take its place.
	Detail(phase, text string)
	// Say is news that nobody must miss: its line stays.
	Say(phase, text string)
	// Ask has news asked for whenever they are shown, until the phase ends; it must not block.
	Ask(phase string, now func() string)
	// End tells how long the phase took, and why it failed if it did.
	End(phase string, took time.Duration, err error)
}

// silent hears nothing.
type silent struct{}

func (silent) Begin(string)                     {}
func (silent) Detail(string, string)            {}
func (silent) Say(string, string)               {}
func (silent) Ask(string, func() string)        {}
func (silent) End(string, time.Duration, error) {}

// activities are the phases under way, in the order they began.
type activities []activity

type activity struct {
	phase  string
	detail func() string // nil where nothing was heard
	began  time.Time
}

// about sets what is told about a phase.
func (a activities) about(phase string, detail func() string) {
	for i := range a {
		if a[i].phase == phase {
			a[i].detail = detail
		}
	}
}

func (a activities) without(phase string) activities {
	return slices.DeleteFunc(a, func(a activity) bool { return a.phase == phase })
}

// now is one line: the oldest phase's time, the names of all, the newest detail of the oldest.
func (a activities) now() string {
	var names []string
	for _, one := range a {
		names = append(names, one.phase)
	}
	text := fmt.Sprintf("%8.1f s  %s", time.Since(a[0].began).Seconds(), strings.Join(names, ", "))
	if a[0].detail != nil {
		text += ": " + a[0].detail()
	}
	return text
}

// heartbeat is how often plain lines tell what is still under way.
const heartbeat = time.Minute

// Lines is a Progress of plain lines, for a log or where there is no terminal. What takes longer is told of each minute.
func Lines(out io.Writer) Progress { return &lines{out: out, every: heartbeat} }

type lines struct {
	every time.Duration

	mu     sync.Mutex // guards the rest
	out    io.Writer
	active activities
	idle   chan struct{} // closed when the last phase ends
}

func (l *lines) Begin(phase string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.active) == 0 {
		l.idle = make(chan struct{})
		go l.beat(l.idle)
	}
	l.active = append(l.active, activity{phase: phase, began: time.Now()})
}

func (l *lines) beat(idle chan struct{}) {
	clock := time.NewTicker(l.every)
	defer clock.Stop()
	for {
		select {
		case <-idle:
			return
		case <-clock.C:
			l.mu.Lock()
			if len(l.active) > 0 {
				l.print(l.active.now() + " ...")
			}
			l.mu.Unlock()
		}
	}
}

func (l *lines) Detail(phase, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active.about(phase, func() string { return text })
	l.print(detailLine(phase, text))
}

func (l *lines) Say(phase, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.print(detailLine(phase, text))
}

func (l *lines) Ask(phase string, now func() string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active.about(phase, now)
}

func (l *lines) End(phase string, took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.active = l.active.without(phase); len(l.active) == 0 && l.idle != nil {
		close(l.idle)
		l.idle = nil
	}
	l.print(endLine(phase, took, err))
}

func (l *lines) print(line string) {
	_, _ = fmt.Fprintln(l.out, line) // whoever reads it has gone; the testbed goes on
}

func detailLine(phase, text string) string { return fmt.Sprintf("%10s  %s: %s", "", phase, text) }

func endLine(phase string, took time.Duration, err error) string {
	if err != nil {
		phase += ": failed"
	}
	return fmt.Sprintf("%8.1f s  %s", took.Seconds(), phase)
}

// repaint is how often the live line tells the time.
const repaint = 100 * time.Millisecond

// Live is a Progress for a terminal: finished phases stay as lines, and below them one line tells what is under way and for how
// long. Close erases that line.
type Live struct {
	mu     sync.Mutex // guards the rest
	out    *os.File
	active activities
	closed chan struct{}
	done   sync.WaitGroup
}

// NewLive starts a live line on a terminal. It must be closed.
func NewLive(out *os.File) *Live {
	l := &Live{out: out, closed: make(chan struct{})}
	l.done.Go(l.tick)
	return l
}

// Close erases the live line. Nothing may be told afterwards.
func (l *Live) Close() {
	close(l.closed)
	l.done.Wait()
	l.keep("")
}

func (l *Live) tick() {
	clock := time.NewTicker(repaint)
	defer clock.Stop()
	for {
		select {
		case <-l.closed:
			return
		case <-clock.C:
			l.mu.Lock()
			l.paint()
			l.mu.Unlock()
		}
	}
}

// Begin implements Progress.
func (l *Live) Begin(phase string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active = append(l.active, activity{phase: phase, began: time.Now()})
	l.paint()
}

// Detail implements Progress.
func (l *Live) Detail(phase, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active.about(phase, func() string { return text })
	l.paint()
}

// Ask implements Progress.
func (l *Live) Ask(phase string, now func() string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active.about(phase, now)
	l.paint()
}

// Say implements Progress.
func (l *Live) Say(phase, text string) { l.keep(detailLine(phase, text)) }

// End implements Progress.
func (l *Live) End(phase string, took time.Duration, err error) {
	l.mu.Lock()
	l.active = l.active.without(phase)
	l.mu.Unlock()
	l.keep(endLine(phase, took, err))
}

// keep writes a line that stays, above the live one.
func (l *Live) keep(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprint(l.out, eraseLine)
	if line != "" {
		_, _ = fmt.Fprintln(l.out, line)
	}
	l.paint()
}

// eraseLine goes to the first column and clears the line (ECMA-48: CR, EL).
const eraseLine = "\r\x1b[K"

// paint writes the live line.
func (l *Live) paint() {
	if len(l.active) > 0 {
		_, _ = fmt.Fprint(l.out, eraseLine+shorten(l.active.now(), columns(l.out)-1))
	}
}

func shorten(text string, width int) string {
	runes := []rune(text)
	if width <= 0 || len(runes) <= width {
		return text
	}
	return string(runes[:width-1]) + "…"
}

// columns is the width of a terminal, 0 if it is none.
func columns(out *os.File) int {
	size, err := unix.IoctlGetWinsize(int(out.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// ProgressFor is a live line where out is a terminal, and plain lines elsewhere. The function returned must be called at the end.
func ProgressFor(out *os.File) (progress Progress, done func()) {
	if columns(out) == 0 {
		return Lines(out), func() {}
	}
	live := NewLive(out)
	return live, live.Close
}
