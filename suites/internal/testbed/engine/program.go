package engine

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"runtime"
)

// trialProgram is the path of the program inside the image that a trial runs.
const trialProgram = "/wait"

// machines are the instructions that wait for a signal and do nothing else: pause(2) on amd64, and ppoll(2) without files and
// without end on arm64, which has no pause. So a trial needs no image from anywhere.
var machines = map[string]struct {
	machine elf.Machine
	code    []byte
}{
	"amd64": {elf.EM_X86_64, []byte{
		0xb8, 0x22, 0x00, 0x00, 0x00, // mov eax, 34
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp to the start
	}},
	"arm64": {elf.EM_AARCH64, []byte{
		0x00, 0x00, 0x80, 0xd2, // mov x0, 0
		0x01, 0x00, 0x80, 0xd2, // mov x1, 0
		0x02, 0x00, 0x80, 0xd2, // mov x2, 0
		0x03, 0x00, 0x80, 0xd2, // mov x3, 0
		0x04, 0x00, 0x80, 0xd2, // mov x4, 0
		0x28, 0x09, 0x80, 0xd2, // mov x8, 73
		0x01, 0x00, 0x00, 0xd4, // svc 0
		0xf9, 0xff, 0xff, 0x17, // b to the start
	}},
}

// waitProgram is a complete static executable for this machine: header, one segment, code.
func waitProgram() ([]byte, error) {
	target, known := machines[runtime.GOARCH]
	if !known {
		return nil, fmt.Errorf("an engine can be tried on amd64 and arm64 only, this is %s", runtime.GOARCH)
	}
	const (
		base       = 0x400000
		headerSize = 64 // of elf.Header64
		phdrSize   = 56 // of elf.Prog64
		start      = headerSize + phdrSize
	)
	size := uint64(start + len(target.code))
	header := elf.Header64{
		Ident: [elf.EI_NIDENT]byte{
			0x7f, 'E', 'L', 'F', byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT),
		},
		Type: uint16(elf.ET_EXEC), Machine: uint16(target.machine), Version: uint32(elf.EV_CURRENT),
		Entry: base + start, Phoff: headerSize, Ehsize: headerSize, Phentsize: phdrSize, Phnum: 1,
	}
	segment := elf.Prog64{
		Type: uint32(elf.PT_LOAD), Flags: uint32(elf.PF_R | elf.PF_X),
		Vaddr: base, Paddr: base, Filesz: size, Memsz: size, Align: 0x1000,
	}
	var file bytes.Buffer
	for _, part := range []any{header, segment, target.code} {
		if err := binary.Write(&file, binary.LittleEndian, part); err != nil {
			return nil, fmt.Errorf("write the trial's program: %w", err)
		}
	}
	return file.Bytes(), nil
}

// trialImage is the root file system of a trial as a tar archive: the program alone.
func trialImage() ([]byte, error) {
	program, err := waitProgram()
	if err != nil {
		return nil, err
	}
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	if err := w.WriteHeader(&tar.Header{Name: trialProgram[1:], Mode: 0o755, Size: int64(len(program))}); err != nil {
		return nil, fmt.Errorf("write the trial's image: %w", err)
	}
	if _, err := w.Write(program); err != nil {
		return nil, fmt.Errorf("write the trial's image: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write the trial's image: %w", err)
	}
	return archive.Bytes(), nil
}
