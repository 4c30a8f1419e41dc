// Package weights reads vision transformers that other programs trained, and writes
// ours for them.
//
// What is published differs in the container (PyTorch's files, safetensors, folders),
// in where the encoder's dictionary lies, in the names of its tensors and in how some
// are cut. A Layout is one such convention, in a file of its own that registers itself:
// it recognises its files, names their encoders, gives every key its name in timm's
// VisionTransformer, and says what cannot be told from the file: how positions are
// resized, how many heads a width has. Read makes an Encoder of any of them, Write a
// file or folder of those that have a writer.
//
// Nothing is taken or dropped in silence: a key of the trunk that is missing, and one
// that no rule knows, are errors (KeysError); everything else is in the Report. The
// number of attention heads is not in the weights, and a wrong one gives another
// function without an error: it comes from pmx's metadata, a config.json, the layout or
// the caller, and is never guessed.
package weights
