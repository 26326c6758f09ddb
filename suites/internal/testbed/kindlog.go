package testbed

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"sigs.k8s.io/kind/pkg/log"
)

// kindLog is where kind says what it does.
type kindLog struct {
	mu   sync.Mutex // guards out
	out  io.Writer
	step func(string) // hears of each of kind's steps
}

var _ log.Logger = (*kindLog)(nil)

func (l *kindLog) write(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintln(l.out, strings.TrimSuffix(text, "\n"))
}

// Warn implements log.Logger.
func (l *kindLog) Warn(message string) { l.write("warning: " + message) }

// Warnf implements log.Logger.
func (l *kindLog) Warnf(format string, args ...any) { l.Warn(fmt.Sprintf(format, args...)) }

// Error implements log.Logger.
func (l *kindLog) Error(message string) { l.write("error: " + message) }

// Errorf implements log.Logger.
func (l *kindLog) Errorf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }

// V implements log.Logger. Level 0 is for people, everything above is for a log.
func (l *kindLog) V(level log.Level) log.InfoLogger { return kindInfo{l, level} }

type kindInfo struct {
	*kindLog
	level log.Level
}

// Info implements log.InfoLogger.
func (i kindInfo) Info(message string) {
	i.write(message)
	if i.level > 0 {
		return
	}
	// Steps come as " • Starting control-plane 🕹️  ..." and again, once done, with another sign.
	if step, found := strings.CutPrefix(strings.TrimSpace(message), "•"); found {
		i.step(plain(step))
	}
}

// Infof implements log.InfoLogger.
func (i kindInfo) Infof(format string, args ...any) { i.Info(fmt.Sprintf(format, args...)) }

// Enabled implements log.InfoLogger.
func (i kindInfo) Enabled() bool { return i.level <= 1 }

// plain leaves out kind's pictures and dots.
func plain(step string) string {
	step = strings.Map(func(r rune) rune {
		if r > '~' {
			return -1
		}
		return r
	}, step)
	return strings.Join(strings.Fields(strings.TrimRight(strings.TrimSpace(step), ".")), " ")
}
