// Shows the server's OpenAPI description with Swagger UI.
SwaggerUIBundle({ url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true });
