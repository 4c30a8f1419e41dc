package runtimelib

import _ "embed"

// ortVersion is the one version of ONNX Runtime that pmx is tried with. It has
// version 27 of the C API; pmx asks for 24.
const ortVersion = "1.27.0"

// trainingVersion is the last version of ONNX Runtime Training that was published.
const trainingVersion = "1.19.2"

// wheelTexts are the licence files of the wheels.
var wheelTexts = []member{
	{from: "onnxruntime/LICENSE", to: "LICENSE"},
	{from: "onnxruntime/ThirdPartyNotices.txt", to: "ThirdPartyNotices.txt"},
	{from: "onnxruntime/Privacy.md", to: "Privacy.md"},
}

// ortLicence is the LICENSE of ONNX Runtime as its wheels hold it.
//
//go:embed ort_licence.txt
var ortLicence string

// nodeTexts: the npm package states its licence (MIT) in package.json and holds no
// text of it, so that of the wheels is put beside it.
var nodeTexts = []member{
	{to: "LICENSE", text: ortLicence},
	{from: "package/package.json", to: "package.json"},
	{from: "package/README.md", to: "README.md"},
}

// ortWheel is the onnxruntime wheel for one platform.
func ortWheel(platform, sha256, library, to, librarySHA256 string) source {
	return source{
		client: pip, pkg: "onnxruntime", platform: platform, python: "3.12", sha256: sha256,
		members: append([]member{{from: "onnxruntime/capi/" + library, to: to, sha256: librarySHA256}}, wheelTexts...),
	}
}

// ortNode is the onnxruntime-node package, one for all platforms.
func ortNode(library, to, librarySHA256 string) source {
	return source{
		client: npm, pkg: "onnxruntime-node", sha256: "c3779c01c59832f8c03e2c392ac3af10bf08579f1822e8b1c63cc451edb302a2",
		members: append([]member{{from: "package/bin/napi-v6/" + library, to: to, sha256: librarySHA256}}, nodeTexts...),
	}
}

// pins lists the libraries that can be installed. The digests were taken from
// the packages as pip and npm delivered them.
var pins = []release{
	{
		kind: ORT, version: ortVersion, os: "linux", arch: "amd64", library: "libonnxruntime.so", licence: "MIT",
		sources: []source{
			ortWheel("manylinux_2_28_x86_64", "7c65a7438632d55dfbc8a02ee60bd6cf7dd9d1ba05a43d4b851452f32338e194",
				"libonnxruntime.so.1.27.0", "libonnxruntime.so", "b5c9d4f124d24707f514dad926dc181820807178855df1c528e3addb2dd0e6f7"),
			ortNode("linux/x64/libonnxruntime.so.1", "libonnxruntime.so", "d8aff4aa8abee8fb2abb2f2f2459ffc94461e781e41b9f7c072829dd0d470221"),
		},
	},
	{
		kind: ORT, version: ortVersion, os: "linux", arch: "arm64", library: "libonnxruntime.so", licence: "MIT",
		sources: []source{
			ortWheel("manylinux_2_28_aarch64", "c6fddce0539a4898c7bef35b052ffd37935b2190e35488eab99ce91887743ea1",
				"libonnxruntime.so.1.27.0", "libonnxruntime.so", "9275ef52956228686ae47b0219f67476a1148505084bdc5571e7bf1bf69b11f2"),
			ortNode("linux/arm64/libonnxruntime.so.1", "libonnxruntime.so", "c36bc200e7e6c093b8abb0b34590fbdd8c52fd3fb5e33795b9523ffdde2fce0f"),
		},
	},
	{
		kind: ORT, version: ortVersion, os: "darwin", arch: "arm64", library: "libonnxruntime.dylib", licence: "MIT",
		sources: []source{
			ortWheel("macosx_14_0_arm64", "a14c2ce45312def86b77aea651f46565e45960cf5f0721bfdff449165086ab76",
				"libonnxruntime.1.27.0.dylib", "libonnxruntime.dylib", "49422a138fff12d7fcbd544373aefbffd510e473e08e18af28a8ecc3581029bf"),
			ortNode("darwin/arm64/libonnxruntime.1.27.0.dylib", "libonnxruntime.dylib", "89f692a3a1a224e4ad0b796b0e7c0bd81113b0741bfe84211eceef14d05a9e59"),
		},
	},
	{
		kind: ORTCUDA, version: ortVersion, os: "linux", arch: "amd64", library: "libonnxruntime.so", licence: "MIT",
		sources: []source{{
			client: pip, pkg: "onnxruntime-gpu", platform: "manylinux_2_28_x86_64", python: "3.12",
			sha256: "b2b8d6afabf3c23c2c698639a16388816dc7298f388a9ddddf504b283990ea01",
			members: append([]member{
				{from: "onnxruntime/capi/libonnxruntime.so.1.27.0", to: "libonnxruntime.so", sha256: "184096f611d6cfff75f5d4cbaf01f76d736ab10d408d335fca0c85e5a79018db"},
				{from: "onnxruntime/capi/libonnxruntime_providers_shared.so", to: "libonnxruntime_providers_shared.so", sha256: "086ec1d5388f64153d9c63470d126693db9a182c8ce236d3a1119068471b8a0d"},
				{from: "onnxruntime/capi/libonnxruntime_providers_cuda.so", to: "libonnxruntime_providers_cuda.so", sha256: "9aacf1788ceae09ca362cbf9bb3c1d69c94cec86e24310de7ad14e6b05b5bb5d"},
			}, wheelTexts...),
		}},
	},
	{
		kind: ORTTraining, version: trainingVersion, os: "linux", arch: "amd64", library: "libonnxruntime.so", licence: "MIT",
		sources: []source{{
			client: pip, pkg: "onnxruntime-training-cpu", platform: "manylinux_2_28_x86_64", python: "3.11",
			sha256: "9b3cde497eb76af75ecae2eb2a4e3a8b2477da0b833315a3d5e2c63f0dc8d5d6",
			members: append([]member{
				{
					from: "onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so", to: "libonnxruntime.so",
					sha256:    "637012bc7b9b9e8a00b006be918091d04d143ca5c57ee820584478a15298d0ee",
					converted: "b1981231b9c4387b5f6d88fdde4ed1503285948fa67d5d1e8e50cb457e549a5c",
				},
			}, wheelTexts...),
		}},
	},
	{
		kind: ORTTrainingCUDA, version: trainingVersion, os: "linux", arch: "amd64", library: "libonnxruntime.so", licence: "MIT",
		sources: []source{{
			client: pip, pkg: "onnxruntime-training", platform: "manylinux_2_28_x86_64", python: "3.11",
			sha256: "6bfa1c02e6986947b18c502669beb9f1246bb52239394f7a5a3b99c10967eacf",
			members: append([]member{
				{
					from: "onnxruntime/capi/onnxruntime_pybind11_state.cpython-311-x86_64-linux-gnu.so", to: "libonnxruntime.so",
					sha256:    "c9045c5802d994f18a428ae0480d77add59818090c82d2861cf129532c5d6d01",
					converted: "ca74c0432eedd0968f2d5c5786153727fad78fc08b30af755351ac2956d1206e",
				},
				{from: "onnxruntime/capi/libonnxruntime_providers_shared.so", to: "libonnxruntime_providers_shared.so", sha256: "950dbbe7c7a6f73b7f574c0e2308417e1e90e1f73b6472d799e25b47c6fdee82"},
				{from: "onnxruntime/capi/libonnxruntime_providers_cuda.so", to: "libonnxruntime_providers_cuda.so", sha256: "6db1583612e6c409241d84adc369463dd64f06bc7a4f6d50fee8002352e5bacd"},
			}, wheelTexts...),
		}},
	},
}
