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
	// Detail is news from inside a phase, one line.
	Detail(phase, text string)
	// End tells how long the phase took, and why it failed if it did.
	End(phase string, took time.Duration, err error)
}

// silent hears nothing.
type silent struct{}

func (silent) Begin(string)                     {}
func (silent) Detail(string, string)            {}
func (silent) End(string, time.Duration, error) {}

// Lines is a Progress of plain lines, for a log or where there is no terminal.
func Lines(out io.Writer) Progress { return &lines{out: out} }

type lines struct {
	mu  sync.Mutex // guards out
	out io.Writer
}

func (l *lines) Begin(string) {}

func (l *lines) Detail(phase, text string) { l.print(detailLine(phase, text)) }

func (l *lines) End(phase string, took time.Duration, err error) { l.print(endLine(phase, took, err)) }

func (l *lines) print(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
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
	active []activity // in the order they began
	closed chan struct{}
	done   sync.WaitGroup
}

type activity struct {
	phase, detail string
	began         time.Time
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
	for i := range l.active {
		if l.active[i].phase == phase {
			l.active[i].detail = text
		}
	}
	l.paint()
}

// End implements Progress.
func (l *Live) End(phase string, took time.Duration, err error) {
	l.mu.Lock()
	l.active = slices.DeleteFunc(l.active, func(a activity) bool { return a.phase == phase })
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

// paint writes the live line: the oldest phase's time, the names of all, the newest detail of the oldest.
func (l *Live) paint() {
	if len(l.active) == 0 {
		return
	}
	var names []string
	for _, a := range l.active {
		names = append(names, a.phase)
	}
	oldest := l.active[0]
	text := fmt.Sprintf("%8.1f s  %s", time.Since(oldest.began).Seconds(), strings.Join(names, ", "))
	if oldest.detail != "" {
		text += ": " + oldest.detail
	}
	_, _ = fmt.Fprint(l.out, eraseLine+shorten(text, columns(l.out)-1))
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
