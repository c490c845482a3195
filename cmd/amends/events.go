package main

import (
	"fmt"

	"github.com/amends-io/amends/orchestrator"
	"github.com/amends-io/amends/orchestrator/instance"
	"github.com/amends-io/amends/participants/protocol"
)

// eventText says what an event says, in a few words.
func eventText(ev instance.Event) string {
	switch ev := ev.(type) {
	case instance.Started:
		return "started"
	case instance.StartRefused:
		return fmt.Sprintf("a second start was refused: %d", ev.Sequence)
	case instance.TurnedBack:
		if ev.Step != "" {
			return "turned back at " + ev.Step + ": " + ev.Reason
		}
		return "turned back: " + ev.Reason
	case instance.SagaCompleted:
		return "completed"
	case instance.SagaCompensated:
		return "compensated"
	case instance.Parked:
		return "parked: " + ev.Reason
	case instance.Unparked:
		return "unparked"
	case instance.SignalReceived:
		return "signal " + ev.Name
	}
	if text := stepEventText(ev); text != "" {
		return text
	}
	if text := operatorEventText(ev); text != "" {
		return text
	}
	return orchestrator.EventName(ev)
}

func attemptText(step string, d protocol.Direction, number int) string {
	return fmt.Sprintf("%s %s/%d", d, step, number)
}

func stepEventText(ev instance.Event) string {
	const do, undo = protocol.Do, protocol.Undo
	switch ev := ev.(type) {
	case instance.ActionRequested:
		text := attemptText(ev.Step, do, ev.Number) + " requested"
		if ev.Pivot {
			text += ", the pivot"
		}
		return text
	case instance.ActionDone:
		return attemptText(ev.Step, do, ev.Number) + " done"
	case instance.ActionRefused:
		return attemptText(ev.Step, do, ev.Number) + " refused: " + ev.Reason
	case instance.ActionFailed:
		return attemptText(ev.Step, do, ev.Number) + " failed: " + ev.Reason
	case instance.ActionTimedOut:
		return attemptText(ev.Step, do, ev.Number) + " got no answer in time"
	case instance.CompensationRequested:
		return attemptText(ev.Step, undo, ev.Number) + " requested"
	case instance.CompensationDone:
		if ev.Nothing {
			return attemptText(ev.Step, undo, ev.Number) + " had nothing to undo"
		}
		return attemptText(ev.Step, undo, ev.Number) + " undone"
	case instance.CompensationFailed:
		return attemptText(ev.Step, undo, ev.Number) + " failed: " + ev.Reason
	case instance.CompensationTimedOut:
		return attemptText(ev.Step, undo, ev.Number) + " got no answer in time"
	case instance.RetryScheduled:
		return attemptText(ev.Step, ev.Direction, ev.Number) + " at " + ev.At.Local().Format("15:04:05.000")
	case instance.StepHalted:
		return fmt.Sprintf("%s %s waits for a person: %s", ev.Direction, ev.Step, ev.Reason)
	}
	return ""
}

func operatorEventText(ev instance.Event) string {
	switch ev := ev.(type) {
	case instance.CancelRequested:
		if ev.TooLate {
			return "cancel, too late" + byText(ev.Operator)
		}
		return "cancel" + byText(ev.Operator)
	case instance.Suspended:
		return "suspended" + byText(ev.Operator)
	case instance.Resumed:
		return "resumed" + byText(ev.Operator)
	case instance.RetryRequested:
		return fmt.Sprintf("retry of %s %s%s", ev.Direction, ev.Step, byText(ev.Operator))
	case instance.ResolveRequested:
		return fmt.Sprintf("%s is asked to settle on %s%s", attemptText(ev.Step, ev.Direction, ev.Number), ev.As, byText(ev.Operator))
	case instance.Resolved:
		return fmt.Sprintf("%s resolved as %s", attemptText(ev.Step, ev.Direction, ev.Number), ev.As)
	case instance.ResolveFailed:
		return attemptText(ev.Step, ev.Direction, ev.Number) + " could not be settled: " + ev.Reason
	case instance.ControlRefused:
		return fmt.Sprintf("%s refused%s: %s", ev.Verb, byText(ev.Operator), ev.Reason)
	}
	return ""
}

func byText(o instance.Operator) string {
	text := " by " + o.By
	if o.Why != "" {
		text += " (" + o.Why + ")"
	}
	return text
}
