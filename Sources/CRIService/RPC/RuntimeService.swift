// SPDX-License-Identifier: Apache-2.0
// Copyright the Skiff authors.

internal import CRIAPI

/// `runtime.v1.RuntimeService`: each method decodes, calls the engine once, and encodes; one file per method.
package struct RuntimeService: Runtime_V1_RuntimeService.SimpleServiceProtocol {
    let engine: Engine

    /// The service of an engine.
    package init(_ engine: Engine) { self.engine = engine }
}

/// `runtime.v1.ImageService`, in the same manner.
package struct ImageEndpoint: Runtime_V1_ImageService.SimpleServiceProtocol {
    let engine: Engine

    /// The service of an engine.
    package init(_ engine: Engine) { self.engine = engine }
}
