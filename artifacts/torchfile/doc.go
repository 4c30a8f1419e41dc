// Package torchfile reads and writes the files of torch.save (.pth, .pt): nested
// dictionaries of tensors.
//
// A file is a pickle, a program for Python's unpickler that may name any function to
// call. The reader here executes nothing: dictionaries, lists, numbers and tensors
// become values, every other object a record of its class (Object), and every size is
// checked against the bytes that are there before memory is taken for it. Tensors are
// described by the pickle and read when they are asked for, so that only the wanted
// part of a file of gigabytes is read.
//
// Two containers are in use:
//
//	zip     since PyTorch 1.6: X/data.pkl, the pickle; X/data/K, the bytes of storage K;
//	        X/version; X/byteorder
//	legacy  before: pickles back to back (a magic number, the protocol version, the
//	        machine, the object, the list of storage keys), then each storage's count
//	        and elements
//
// The format is defined by torch/serialization.py and caffe2/serialize, the pickle's
// opcodes by Python's Lib/pickletools.py.
package torchfile
